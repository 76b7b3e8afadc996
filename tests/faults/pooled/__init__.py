"""Django's MariaDB backend behind a transaction pooler, of which Debian has none for MariaDB."""
