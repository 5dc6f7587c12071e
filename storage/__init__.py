"""The tables, the queries by noun, the migrations and the programme's data file. Must never know a channel."""
