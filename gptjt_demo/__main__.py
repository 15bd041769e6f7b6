"""`python -m gptjt_demo` is the command line."""

from gptjt_demo.cli import main

if __name__ == "__main__":
    main()
