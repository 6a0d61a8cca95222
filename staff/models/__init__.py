from staff.models.audit import Action, AuditBlock, AuditRecord
from staff.models.desk import Desk, May
from staff.models.refund_request import RefundRequest, RequestState

__all__ = [
    "Action",
    "AuditBlock",
    "AuditRecord",
    "Desk",
    "May",
    "RefundRequest",
    "RequestState",
]
