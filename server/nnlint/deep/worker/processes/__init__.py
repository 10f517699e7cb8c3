"""The processes of one run: the supervisor, which owns them all, and the runner, in which torch and the user's model live."""
