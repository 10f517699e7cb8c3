"""The command line: `nnlint` and `lsp-check`. It imports neither the protocol's packages nor torch, and no more than a command needs."""
