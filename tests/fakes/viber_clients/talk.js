// Two Viber clients that are not ours talk with the fake: node talk.js ORIGIN TOKEN PORT ID ID ID
// Run by record.py, which says what it needs. Each line printed is one thing that a client understood.
"use strict";

const http = require("http");
const { ViberClient } = require("messaging-api-viber");
const { Bot, Events, Message } = require("viber-bot");

const [origin, token, port, here, left, stranger] = process.argv.slice(2);
const say = (what, value) => process.stdout.write(JSON.stringify([what, value]) + "\n");
const attempt = async (what, promise) => {
  try {
    say(what, await promise);
  } catch (error) {
    say(what, { refused: error.response?.data?.status ?? error.status ?? `${error}` });
  }
};
const yes = { ActionType: "reply", ActionBody: "tap:yes", Text: "<b>Да</b>", Columns: 3, Rows: 1 };
const share = { ActionType: "share-phone", ActionBody: "tap:share", Text: "Сподели" };
const board = (...Buttons) => ({ Type: "keyboard", DefaultHeight: false, Buttons });

// The official one: it listens, welcomes, answers.
const bot = new Bot({
  authToken: token, name: "Мост", avatar: "",
  registerToEvents: ["subscribed", "unsubscribed", "conversation_started", "message", "delivered", "seen", "failed"],
});
bot._client._url = `${origin}/pa`;
bot.onConversationStarted((profile, subscribed, context, finish) => {
  say("opened", [profile.id, subscribed, context]);
  finish(new Message.Text("Добре дошли!", board({ ...yes, ActionBody: "tap:/start село", Text: "Започни" })));
});
bot.on(Events.MESSAGE_RECEIVED, (message, response) => {
  say("heard", [message.constructor.name, message.text ?? message.contactPhoneNumber ?? "", String(message.token)]);
  const back = new Message.Text("Споделете?", board(yes, share), null, null, null, 3);
  if (message.text === "tap:/start село") attempt("answered", response.send(back));
});
bot.on("delivered", (event) => say("delivered", [event.user_id, String(event.message_token)]));
bot.on("seen", (event) => say("seen", event.user_id));
bot.onSubscribe((response) => say("subscribed", response.userProfile.id));
bot.onUnsubscribe((id) => say("unsubscribed", id));

// The other one only calls.
const client = new ViberClient({ accessToken: token, sender: { name: "Мост" }, origin });
const media = "https://bot.example/a";

async function official() {
  await attempt("official set_webhook", bot.setWebhook("https://bot.example/"));
  await attempt("official account", bot.getBotProfile());
  await attempt("official details", bot.getUserDetails({ id: here }));
  await attempt("official online", bot.getOnlineStatus([here, left]));
  const kinds = {
    text: new Message.Text("Здравейте"), picture: new Message.Picture(`${media}.jpg`, "Вижте"),
    url: new Message.Url("https://bot.example/"), contact: new Message.Contact("Ана", "359888111222"),
    video: new Message.Video(`${media}.mp4`, 1000), location: new Message.Location(43.99, 22.88),
    file: new Message.File(`${media}.pdf`, 1000, "a.pdf"), sticker: new Message.Sticker(46105),
    keyboard: new Message.Keyboard(board(yes)),
    "rich media": new Message.RichMedia({ Type: "rich_media", Buttons: [yes] }, null, null, null, null, null, 2),
  };
  for (const [name, message] of Object.entries(kinds)) {
    await attempt(`official ${name}`, bot.sendMessage({ id: here }, message));
  }
  await attempt("official to who left", bot.sendMessage({ id: left }, new Message.Text("x")));
  await attempt("official to a stranger", bot.sendMessage({ id: stranger }, new Message.Text("x")));
}

async function other() {
  await attempt("other set_webhook", client.setWebhook("https://bot.example/", { sendName: true }));
  await attempt("other account", client.getAccountInfo());
  await attempt("other details", client.getUserDetails(here));
  await attempt("other online", client.getOnlineStatus([here, left]));
  const keyboard = { type: "keyboard", buttons: [{ actionType: "reply", actionBody: "a", text: "Да", columns: 6 }] };
  await attempt("other text", client.sendText(here, "Здравейте", { keyboard, trackingData: "q1" }));
  await attempt("other picture", client.sendPicture(here, { text: "Вижте", media: `${media}.jpg` }));
  await attempt("other video", client.sendVideo(here, { media: `${media}.mp4`, size: 1000 }));
  await attempt("other file", client.sendFile(here, { media: `${media}.pdf`, size: 1000, fileName: "a.pdf" }));
  await attempt("other contact", client.sendContact(here, { name: "Ана", phoneNumber: "359888111222" }));
  await attempt("other location", client.sendLocation(here, { lat: "43.99", lon: "22.88" }));
  await attempt("other url", client.sendURL(here, "https://bot.example/"));
  await attempt("other sticker", client.sendSticker(here, 46105));
  await attempt("other to who left", client.sendText(left, "x"));
  await attempt("other broadcast", client.broadcastText([here, left, stranger], "Елате"));
  await attempt("other broken", client.sendMessage(here, { type: "text" }));
}

http.createServer(bot.middleware()).listen(Number(port), "127.0.0.1", async () => {
  await official();
  await other();
  say("ready", true);
});
process.stdin.on("end", () => process.exit(0)).resume();
