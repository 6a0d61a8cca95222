from autopay.models.draft import (
    DRAFT_MOVES,
    NOTICE_DAYS,
    Draft,
    DraftAttempt,
    DraftState,
    Notice,
    NoticeState,
    Reason,
)
from autopay.models.enrollment import (
    ENROLLMENT_MOVES,
    Enrollment,
    EnrollmentEvent,
    EnrollmentState,
    Scope,
    StopReason,
)
from autopay.models.run import RUN_MOVES, Run, RunState

__all__ = [
    "DRAFT_MOVES",
    "ENROLLMENT_MOVES",
    "NOTICE_DAYS",
    "RUN_MOVES",
    "Draft",
    "DraftAttempt",
    "DraftState",
    "Enrollment",
    "EnrollmentEvent",
    "EnrollmentState",
    "Notice",
    "NoticeState",
    "Reason",
    "Run",
    "RunState",
    "Scope",
    "StopReason",
]
