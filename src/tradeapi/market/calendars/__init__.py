"""Trading calendars: sessions, and the labels of bars."""
