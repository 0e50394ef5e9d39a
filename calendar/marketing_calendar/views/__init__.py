"""The admin edge of the calendar."""

from marketing_calendar.views.board import CalendarView, ItemsView
from marketing_calendar.views.moves import CardView, MoveStageView, MoveView

__all__ = ["CalendarView", "CardView", "ItemsView", "MoveStageView", "MoveView"]
