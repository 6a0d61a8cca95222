"""Autopay: standing orders, announced and drawn. The only writers of its models.

For pages (all keyword-only; `by` is the signed-in User, `consent` comes from
payments.authorizations.consent_from(request), `agreement` is Agreement(terms, consent)):

    from autopay.terms import Choice, choice_of, for_autopay   # Choice(...) raises BadChoice(field)
    terms = for_autopay(region=account.region, choice=choice)  # .paragraphs, .sha256 as in payments

    services.enrollment
        enroll(account=, choice=, agreement=, by=) -> Enrollment
            AlreadyEnrolled, NotAgreed, BadChoice, NoAddress, payments MethodNotUsable
        change_method(enrollment=, method=, agreement=, by=) -> Enrollment   # also starts a stopped one
            NotEnrolled, NotAgreed, MethodNotUsable; terms of replace(choice_of(enrollment), method=...)
        change_schedule(enrollment=, day_of_month=, by=, consent=) -> Enrollment       # None: due date
        change_limit(enrollment=, limit_cents=, by=, consent=) -> Enrollment           # None: no limit
        change_balance_use(enrollment=, use_balance=, by=, consent=) -> Enrollment
            NotEnrolled, BadChoice
        pause(enrollment=, by=, consent=)      resume(enrollment=, by=, consent=)      -> Enrollment
        skip(draft=, by=, consent=)            unskip(draft=, by=, consent=)           -> Draft
            NotEnrolled, AlreadySent(reference)
        cancel(enrollment=, by=, consent=) -> Proof    # dated; canceling twice gives the same proof
            Proof(reference, canceled_at, canceled: draws that will not be made, sent: payments that
            were submitted before and still come)

    queries     enrollments(account), upcoming(enrollment, as_of=), past(enrollment), uses_of(method),
                next_draw(account, as_of=), proof_of(enrollment), changes(enrollment)
    documents   authorization_pdf(enrollment), cancellation_pdf(enrollment) -> bytes

For staff (supervisors alone): services.breaker.release_run(run=, by=, reason=), cancel_run(...)
            NotAllowed, NotHeld, NoReason

For workers: planning.plan_region, notices.announce_due, notices.follow_up, drawing.run,
outcomes.apply_due, cards.announce_expiry (autopay.tasks calls them; each may run twice, or be killed).

Each change commits with its mail in the outbox and its EnrollmentEvent, under the lock of the billing
account; a draw commits its payment under the same lock: either the change or the draw was first.
"""
