"""Who calls and what they may do: users, logins, API keys, tickets, and the record of it all."""
