"""The three statements behind payments.history, in SQL by hand.

`{condition}` is replaced by words of payments.history_filter; every value is a parameter. An event is
a letter and a key: by the letter, the length and then the text, later keys stand first ("p100", "p99").
"""

# Columns of a part: event, kind, reference, payment (its reference; empty where a bill tells the rest),
# at, state, stage, counts (the books have it), sign (of what it does to what was paid), amount (of the
# event), part (None: not divided yet), bill, how it was paid.
PARTS = """
payment AS (
    SELECT p.id, p.reference, p.state, p.amount_cents, p.to_balance_cents, p.payer,
        p.method_kind, p.method_brand, p.method_last4, coalesce(p.settled_at, p.created_at) AS at,
        CASE WHEN p.state = ANY(%(settled)s) THEN 'done'
             WHEN p.state = ANY(%(nothing)s) THEN 'nothing'
             ELSE 'pending' END AS stage,
        CASE WHEN p.to_balance_cents = p.amount_cents THEN 'added' ELSE 'payment' END AS kind
    FROM payments_payment p WHERE p.account_id = %(account)s
),
raw AS (
    SELECT 'p' || p.id AS event, p.kind, p.reference, p.reference AS payment, p.at, p.state, p.stage,
        p.stage = 'done' AS counts, 1 AS sign, p.amount_cents AS amount,
        a.amount_cents - a.moved_cents AS part, a.invoice_id,
        p.method_kind, p.method_brand, p.method_last4, p.payer
    FROM payment p JOIN payments_allocation a
        ON a.payment_id = p.id AND a.amount_cents > a.moved_cents
    UNION ALL
    SELECT 'p' || p.id, p.kind, p.reference, p.reference, p.at, p.state, p.stage,
        p.stage = 'done', 1, p.amount_cents, p.to_balance_cents,
        NULL, p.method_kind, p.method_brand, p.method_last4, p.payer
    FROM payment p WHERE p.to_balance_cents > 0
    UNION ALL
    SELECT 'r' || r.id,
        CASE WHEN r.destination = 'balance' OR r.state = %(refund_failed)s THEN 'credit'
             WHEN r.destination = 'nowhere' THEN 'error'
             ELSE 'refund' END,
        r.reference, p.reference, r.created_at, r.state,
        CASE WHEN r.ended_at IS NULL THEN 'pending' ELSE 'done' END,
        true, -1, r.amount_cents, rp.amount_cents,
        CASE WHEN l.id IS NULL THEN a.invoice_id END,
        p.method_kind, p.method_brand, p.method_last4, p.payer
    FROM payment p
    JOIN payments_refund r ON r.payment_id = p.id
    JOIN payments_refundpart rp ON rp.refund_id = r.id
    LEFT JOIN payments_allocation a ON a.id = rp.allocation_id
    -- What had paid a canceled bill left it when it became account balance: an event of its own below.
    LEFT JOIN billing_journalentry e
        ON e.kind = 'refund_promised' AND e.source = 'refund' AND e.source_id = r.id::text
    LEFT JOIN billing_journalline l ON l.entry_id = e.id AND l.ledger_account_id = 'account_balance'
        AND l.amount_cents > 0 AND l.invoice_id = a.invoice_id
    UNION ALL
    -- Decided for the payer: the books say which bills are owed again, and which charge is new.
    SELECT 'd' || d.id, CASE WHEN d.is_return THEN 'return' ELSE 'dispute' END,
        p.reference, p.reference, d.decided_at, d.state, 'done',
        true, -1, d.amount_cents, l.amount_cents,
        l.invoice_id,
        p.method_kind, p.method_brand, p.method_last4, p.payer
    FROM payment p
    JOIN payments_dispute d ON d.payment_id = p.id AND d.state = %(dispute_lost)s
    JOIN billing_journalentry e
        ON e.kind = 'dispute_lost' AND e.source = 'dispute' AND e.source_id = d.id::text
    JOIN billing_journalline l ON l.entry_id = e.id AND l.amount_cents > 0
    UNION ALL
    -- Open, or decided for us: it concerns what the payment paid, and no bill was touched.
    SELECT 'd' || d.id, CASE WHEN d.is_return THEN 'return' ELSE 'dispute' END,
        p.reference, p.reference, d.opened_at, d.state,
        CASE WHEN d.state = %(dispute_open)s THEN 'pending' ELSE 'nothing' END,
        false, -1, d.amount_cents,
        CASE WHEN count(*) OVER (PARTITION BY d.id) = 1 THEN d.amount_cents END, a.invoice_id,
        p.method_kind, p.method_brand, p.method_last4, p.payer
    FROM payment p
    JOIN payments_dispute d ON d.payment_id = p.id AND d.state <> %(dispute_lost)s
    LEFT JOIN payments_allocation a ON a.payment_id = p.id AND a.amount_cents > a.moved_cents
    UNION ALL
    -- Canceled: the books say how much had been paid on the bill, and is account balance now.
    SELECT 'v' || i.id, 'credit', i.number, '', i.voided_at, '', 'done',
        true, -1, -l.amount_cents, -l.amount_cents, i.id, '', '', '', ''
    FROM billing_invoice i
    JOIN billing_journalentry e
        ON e.kind = 'invoice_voided' AND e.source = 'invoice' AND e.source_id = i.id::text
    JOIN billing_journalline l ON l.entry_id = e.id AND l.ledger_account_id = 'account_balance'
    WHERE i.account_id = %(account)s AND i.voided_at IS NOT NULL
),
part AS (
    SELECT raw.*, (raw.at AT TIME ZONE %(time_zone)s)::date AS day, i.number AS bill,
        i.kind AS bill_kind, i.provider, i.patient_id,
        m.first_name || ' ' || m.last_name AS patient,
        CASE WHEN i.kind = %(premium)s THEN 'premium'
             WHEN i.kind IS NOT NULL THEN 'medical' END AS side
    FROM raw
    LEFT JOIN billing_invoice i ON i.id = raw.invoice_id
    LEFT JOIN accounts_member m ON m.id = i.patient_id
)
"""

AROUND = """
WITH {parts}, asked AS MATERIALIZED (SELECT * FROM part WHERE {condition})
SELECT
    (SELECT count(DISTINCT event) FROM asked),
    (SELECT jsonb_object_agg(name, cents) FROM (
        SELECT CASE WHEN kind = 'payment' AND invoice_id IS NULL THEN 'added' ELSE kind END AS name,
            sum(part) AS cents
        FROM asked WHERE counts GROUP BY 1) sums),
    (SELECT jsonb_agg(jsonb_build_array(month, side, cents)) FROM (
        SELECT to_char(day, 'YYYY-MM') AS month, side, sum(sign * part) AS cents
        FROM asked
        WHERE counts AND side IS NOT NULL AND day BETWEEN %(chart_from)s AND %(chart_to)s
        GROUP BY 1, 2) months),
    (SELECT jsonb_agg(DISTINCT jsonb_build_array(patient_id, patient)) FROM part
     WHERE patient_id IS NOT NULL),
    (SELECT array_agg(DISTINCT extract(year FROM day)::int) FROM part)
"""

PAGE = """
WITH {parts}
SELECT kind, reference, payment, day, state, stage, amount, coalesce(sum(part), amount),
    method_kind, method_brand, method_last4, payer,
    array_agg(DISTINCT patient) FILTER (WHERE patient IS NOT NULL), count(DISTINCT invoice_id),
    min(provider), min(bill_kind), min(invoice_id)
FROM part WHERE {condition}
GROUP BY event, kind, reference, payment, at, day, state, stage, amount,
    method_kind, method_brand, method_last4, payer
ORDER BY at DESC, left(event, 1) DESC, length(event) DESC, event DESC
LIMIT %(limit)s OFFSET %(offset)s
"""

EXPORT = """
WITH {parts}
SELECT day, kind, reference, payment, state, method_kind, method_brand, method_last4, payer,
    bill, bill_kind, provider, patient, part, CASE WHEN counts THEN sign ELSE 0 END
FROM part WHERE {condition}
ORDER BY at DESC, left(event, 1) DESC, length(event) DESC, event DESC, bill
"""
