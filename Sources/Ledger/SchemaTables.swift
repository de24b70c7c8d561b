/// The tables of the first schema.
extension Schema {
    static let claims =
        """
        CREATE TABLE ledger (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
            mark INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            -- The journal's entry before the oldest that is kept.
            cut_sequence INTEGER NOT NULL,
            cut_hash BLOB NOT NULL CHECK (length(cut_hash) = 32)
        ) STRICT;
        CREATE TABLE claims (
            id INTEGER PRIMARY KEY,
            chain TEXT NOT NULL,
            asset BLOB NOT NULL CHECK (length(asset) = 20),
            payer BLOB NOT NULL CHECK (length(payer) = 20),
            nonce BLOB NOT NULL CHECK (length(nonce) = 32),
            binding BLOB NOT NULL CHECK (length(binding) = 32),
            bind TEXT NOT NULL,
            state TEXT NOT NULL,
            at_rest INTEGER NOT NULL CHECK (at_rest IN (0, 1)),
            settle TEXT NOT NULL,
            paid INTEGER NOT NULL CHECK (paid IN (0, 1)),
            facilitator TEXT NOT NULL,
            amount TEXT NOT NULL,
            decimals INTEGER NOT NULL,
            pay_to BLOB NOT NULL CHECK (length(pay_to) = 20),
            route TEXT NOT NULL,
            revision INTEGER NOT NULL,
            request TEXT NOT NULL,
            valid_before INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            counted_at INTEGER NOT NULL,
            policies TEXT NOT NULL,
            payment_id TEXT,
            owed_at INTEGER,
            attempts INTEGER NOT NULL,
            reruns INTEGER NOT NULL,
            request_bytes_written INTEGER NOT NULL CHECK (request_bytes_written IN (0, 1)),
            transaction_id TEXT,
            reason TEXT,
            watched INTEGER NOT NULL DEFAULT 0 CHECK (watched IN (0, 1)),
            evidence_block INTEGER,
            reorganized_at INTEGER,
            gas_wei TEXT,
            UNIQUE (chain, payer, asset, nonce),
            CHECK (paid = 0 OR transaction_id IS NOT NULL)
        ) STRICT;
        CREATE INDEX claims_to_redeem ON claims (chain, payer, binding) WHERE state IN ('owed', 'unknown');
        CREATE INDEX claims_open ON claims (id) WHERE at_rest = 0;
        CREATE INDEX claims_attempted_again ON claims (counted_at) WHERE attempts > 1;
        CREATE INDEX claims_by_payment_id ON claims (payment_id)
            WHERE payment_id IS NOT NULL AND state NOT IN ('void', 'failed');
        CREATE INDEX claims_watched ON claims (id) WHERE watched = 1;

        """

    static let transactions =
        """
        -- Number 0 is the first of its claim and of its relayer's nonce; replacements follow it.
        CREATE TABLE transactions (
            claim INTEGER NOT NULL REFERENCES claims (id),
            number INTEGER NOT NULL CHECK (number >= 0),
            chain TEXT NOT NULL,
            relayer BLOB NOT NULL CHECK (length(relayer) = 20),
            nonce INTEGER NOT NULL CHECK (nonce >= 0),
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
            recipient BLOB NOT NULL CHECK (length(recipient) = 20),
            call BLOB NOT NULL,
            gas_limit INTEGER NOT NULL CHECK (gas_limit >= 0),
            max_fee_wei TEXT NOT NULL,
            priority_fee_wei TEXT NOT NULL,
            raw BLOB NOT NULL,
            head_block INTEGER NOT NULL CHECK (head_block >= 0),
            recorded_at INTEGER NOT NULL,
            UNIQUE (claim, number),
            UNIQUE (chain, relayer, nonce, number)
        ) STRICT;

        """

    static let batches =
        """
        -- Claims whose transactions are another claim's: that one stands first in what carries them all.
        CREATE TABLE batch_members (
            claim INTEGER PRIMARY KEY REFERENCES claims (id),
            leader INTEGER NOT NULL REFERENCES claims (id),
            place INTEGER NOT NULL CHECK (place > 0),
            UNIQUE (leader, place),
            CHECK (claim <> leader)
        ) STRICT;

        """

    static let redemptions =
        """
        CREATE TABLE redemptions (
            chain TEXT NOT NULL,
            asset BLOB NOT NULL CHECK (length(asset) = 20),
            payer BLOB NOT NULL CHECK (length(payer) = 20),
            nonce BLOB NOT NULL CHECK (length(nonce) = 32),
            claim INTEGER NOT NULL REFERENCES claims (id),
            valid_before INTEGER NOT NULL,
            PRIMARY KEY (chain, asset, payer, nonce)
        ) STRICT, WITHOUT ROWID;

        """

    static let answers =
        """
        CREATE TABLE answers (
            claim INTEGER PRIMARY KEY REFERENCES claims (id),
            expires_at INTEGER NOT NULL,
            keep_seconds INTEGER NOT NULL,
            status INTEGER NOT NULL,
            head BLOB NOT NULL,
            body BLOB NOT NULL
        ) STRICT;
        CREATE INDEX answers_by_expiry ON answers (expires_at);

        """

    static let sandboxBalances =
        """
        CREATE TABLE sandbox_balances (
            chain TEXT NOT NULL,
            asset BLOB NOT NULL CHECK (length(asset) = 20),
            payer BLOB NOT NULL CHECK (length(payer) = 20),
            granted TEXT NOT NULL,
            balance TEXT NOT NULL,
            PRIMARY KEY (chain, asset, payer)
        ) STRICT, WITHOUT ROWID;

        """

    static let journal =
        """
        CREATE TABLE journal (
            sequence INTEGER PRIMARY KEY,
            recorded_at INTEGER NOT NULL,
            changes BLOB NOT NULL,
            hash BLOB NOT NULL CHECK (length(hash) = 32)
        ) STRICT;
        """
}
