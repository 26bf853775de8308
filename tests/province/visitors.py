"""Many citizens who are signed in already, made past the server: an account and a session each. Imported by `rush.py`."""

import datetime
import hashlib
import secrets
import sqlite3
import subprocess
import uuid

from engines import Sqlite

ACCOUNT = ("id", "role", "display_name", "is_active", "is_demonstration", "created_at", "updated_at", "privacy_version", "privacy_accepted_at", "age", "age_stated_at")
SESSION = ("token_hash", "account_id", "created_at", "expires_at", "device")


def sm3(text):
    """The hash under which the server keeps a token (`accounts/sessions.rs`)."""
    return hashlib.new("sm3", text.encode()).hexdigest()


def enrol(database, count, notice, people):
    """Writes accounts that have accepted the notice, are fourteen or over and have a session, and `token address` of each to the file `people`."""
    now = datetime.datetime.now(datetime.timezone.utc)
    at, until = now.isoformat(), (now + datetime.timedelta(days=7)).isoformat()
    made = [(uuid.uuid4(), secrets.token_hex(32)) for _ in range(count)]
    with open(people, "w", encoding="ascii") as out:
        for number, (_, token) in enumerate(made):
            # An address each, in a network that is nobody's (RFC 2544) as long as there are enough.
            out.write(f"{token} 198.{18 + number // 65536 % 2}.{number // 256 % 256}.{number % 256}\n")
    accounts = [(one, "citizen", "市民", True, False, at, at, notice, at, "fourteen_or_over", at) for one, _ in made]
    sessions = [(sm3(token), one, at, until, "") for one, token in made]
    if isinstance(database, Sqlite):
        write_sqlite(database.file, accounts, sessions)
    else:
        for table, columns, rows in (("account", ACCOUNT, accounts), ("session", SESSION, sessions)):
            write_postgres(database, table, columns, rows)


def write_sqlite(file, accounts, sessions):
    connection = sqlite3.connect(file, timeout=30)
    with connection:
        for table, columns, rows in (("account", ACCOUNT, accounts), ("session", SESSION, sessions)):
            as_stored = ([value.bytes if isinstance(value, uuid.UUID) else value for value in row] for row in rows)
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", as_stored)
    connection.close()


def write_postgres(database, table, columns, rows):
    command = [database.bin / "psql", "-h", database.home, "-p", str(database.port), "-U", "app", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-X", "-q",
               "-c", f"COPY {table} ({', '.join(columns)}) FROM STDIN"]
    subprocess.run(command, input="\n".join("\t".join(str(value) for value in row) for row in rows) + "\n", text=True, check=True)
