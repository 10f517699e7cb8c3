"""The deep check: runs the user's real model in the user's own Python, in another process, and says what that proves.

`plan` says how a model can be built, `client` starts the process, `worker/` is what runs there. Nothing here imports torch but `worker/`.
"""
