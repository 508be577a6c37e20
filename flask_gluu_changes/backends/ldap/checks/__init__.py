"""What an examination looks at, one idea a file."""
