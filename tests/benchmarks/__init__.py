"""What Sheda can bear, measured over HTTP; run with `python3 run.py bench [name]`."""
