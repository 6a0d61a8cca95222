"""What beat wakes workers for, and how often, in seconds.

The database is the queue: a wake-up that is lost is made up for by the next one.
"""

CELERY_BEAT_SCHEDULE = {
    "payments: settle what has no final outcome": {
        "task": "payments.tasks.reconcile_unsettled",
        "schedule": 60.0,
    },
    "payments: send refunds and ask about those on their way": {
        "task": "payments.tasks.reconcile_refunds",
        "schedule": 120.0,
    },
    "payments: settle methods that are being set up, forget removed ones": {
        "task": "payments.tasks.reconcile_methods",
        "schedule": 120.0,
    },
    "payments: pay new bills from balances whose owners want that": {
        "task": "payments.tasks.apply_balances",
        "schedule": 600.0,
    },
    "payments: process webhooks nobody was woken for": {
        "task": "payments.tasks.process_webhook_inbox",
        "schedule": 60.0,
    },
    "payments: render receipts nobody was woken for": {
        "task": "payments.tasks.render_due_receipts",
        "schedule": 60.0,
    },
    # Hourly: a day that Stripe or Redis stood in the way of is taken up again.
    "payments: reconcile the days that are over": {
        "task": "payments.tasks.reconcile_days",
        "schedule": 3600.0,
    },
    "support: mail those who are away from the chat": {
        "task": "support.tasks.mail_the_absent",
        "schedule": 20.0,
    },
    # Hourly: each region's day begins at another time, and what failed is taken up again.
    "support: remind of bills": {"task": "support.tasks.remind", "schedule": 3600.0},
    "autopay: follow the bills, announce draws": {
        "task": "autopay.tasks.plan_and_announce",
        "schedule": 900.0,
    },
    # Each region on its own day; what a pass leaves, or a worker that dies, the next one takes up.
    "autopay: draw what is due": {"task": "autopay.tasks.run_regions", "schedule": 600.0},
    "autopay: take in what became of draws": {
        "task": "autopay.tasks.apply_outcomes",
        "schedule": 60.0,
    },
    "autopay: tell that a card expires": {
        "task": "autopay.tasks.announce_card_expiry",
        "schedule": 6 * 3600.0,
    },
    "mail: deliver the outbox": {"task": "common.tasks.deliver_mail", "schedule": 30.0},
    "billing: seal the ledger": {"task": "billing.tasks.seal_ledger", "schedule": 600.0},
    "staff: seal the audit log": {"task": "staff.tasks.seal_audit", "schedule": 600.0},
    "staff: write the audit log's newest hash to the log": {
        "task": "staff.tasks.write_audit_head",
        "schedule": 24 * 3600.0,
    },
}
