# Short names for the two commands, and the one that needs uv: new locks after a change to pyproject.toml.
.PHONY: run test lock

run:
	@python3 -m bot

test:
	@python3 -m bot test

# The test set first: what runs is held to the versions that are tested.
lock:
	uv pip compile --quiet --upgrade --universal --generate-hashes --custom-compile-command "make lock" \
		--extra test pyproject.toml --output-file requirements-test.txt
	uv pip compile --quiet --upgrade --universal --generate-hashes --custom-compile-command "make lock" \
		--constraint requirements-test.txt pyproject.toml --output-file requirements.txt
