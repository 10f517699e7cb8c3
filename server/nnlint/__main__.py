"""`python -m nnlint`"""

from nnlint.cli.main import main

main()
