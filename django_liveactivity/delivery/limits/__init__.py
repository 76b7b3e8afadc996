"""Say when: the account's admission, its rate limit, its drain permits."""
