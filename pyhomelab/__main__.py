"""`python -m pyhomelab` and the `pyhomelab` program."""

from pyhomelab.cli.main import main

if __name__ == "__main__":
    main()
