"""What the clients of an authorization server share, whether they serve changes or read them."""
