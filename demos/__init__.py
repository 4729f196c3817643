"""Small programs, each for one thing to learn; `python -m demos` lists them."""
