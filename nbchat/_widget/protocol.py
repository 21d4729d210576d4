"""Every message between the kernel and a page.

The page's side is `frontend/src/kernel/protocol.ts`. A test compares the two by the examples in
`tests/protocol.json`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Literal, NamedTuple, TypedDict, cast, get_args, get_origin, get_type_hints

from nbchat._chat.attachments import Attachment, Kind
from nbchat._chat.errors import ChatError
from nbchat._chat.events import Usage
from nbchat._chat.keys import Secret
from nbchat._chat.message import Message, Role, Status
from nbchat._chat.notices import Notice
from nbchat._chat.settings import SETTINGS
from nbchat._chat.tool_rounds import CallStatus
from nbchat._servers.models import Model

# Kernel → page: a message of the conversation


class UsageView(TypedDict):
    """Tokens, and US dollars."""

    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    cost: float | None


class AttachmentView(TypedDict):
    """What goes with a message; its bytes are fetched by its id."""

    id: str
    name: str
    kind: Kind
    media_type: str
    size: int


class CallView(TypedDict):
    """A call of a tool; `at`: after how many UTF-16 units of the reply's text it came."""

    name: str
    arguments: str
    status: CallStatus
    result: str
    at: int


class ErrorView(TypedDict):
    """Why a reply failed."""

    message: str
    detail: str | None
    retryable: bool


class BranchView(TypedDict):
    """Which of its versions a message is."""

    index: int
    count: int


class MessageFacts(TypedDict):
    """All of a message but what grows: its two texts and its calls.

    `runs`: the number of each block of Python that was run → the id of the widget with its output.
    """

    id: str
    role: Role
    status: Status
    branch: BranchView
    model: str | None
    finish_reason: str | None
    reasoning_s: float | None
    first_token_s: float | None
    duration_s: float | None
    usage: UsageView | None
    estimated_cost: float | None
    attachments: list[AttachmentView]
    notes: list[str]
    runs: dict[str, str]
    retry_in_s: float | None
    error: ErrorView | None


class MessageView(MessageFacts):
    """A whole message."""

    content: str
    reasoning: str
    tool_calls: list[CallView]


# Kernel → page: what surrounds the conversation


class ActionView(TypedDict):
    """A button of a notice."""

    id: str
    label: str


class ProgressView(TypedDict):
    """How far something has come."""

    done: int
    total: int


class NoticeView(TypedDict):
    """A card that the chat itself shows."""

    id: str
    text: str
    secret_label: str | None
    secret_button: str
    actions: list[ActionView]
    progress: ProgressView | None
    tone: Literal["info", "error"]


class ModelInfo(TypedDict):
    """What a user picks a model by; prices in US dollars for a million tokens."""

    id: str
    name: str
    is_free: bool
    context_length: int | None
    prompt_price: float | None
    completion_price: float | None
    reasoning: bool | None
    images: bool | None
    expires: str | None


class ContextView(TypedDict):
    """Tokens: what the conversation takes of the model's context, and all of it."""

    used: int
    length: int


@dataclass
class ChatState:
    """What a page shows around the messages; each change of it is sent as a whole.

    Attributes:
        busy: Whether a reply streams or is queued.
        notices: The chat's own cards.
        download: The file name of the last reply; None: there is nothing to download.
        thoughts: The id of the reply whose thoughts are shown; None: the last one.
        model: The id of the chosen model.
        server: What the user knows the server by.
        model_info: What is known of the chosen model.
        why_disabled: A setting's name → why its control is grey, in a sentence.
        catalogue: Counts the changes of the list of models.
        account: What is left of the free quota or the credit; or blank.
        usage: Of the whole conversation.
        max_cost: US dollars that the conversation may cost.
        context: How full the model's context is.
        labels: A setting's name → the label of its control.
    """

    busy: bool = False
    notices: list[NoticeView] = field(default_factory=list)
    download: str | None = None
    thoughts: str | None = None
    model: str = ""
    server: str = ""
    model_info: ModelInfo | None = None
    why_disabled: dict[str, str] = field(default_factory=dict)
    catalogue: int = 0
    account: str = ""
    usage: UsageView | None = None
    max_cost: float | None = None
    context: ContextView | None = None
    labels: dict[str, str] = field(
        default_factory=lambda: {name: each.label for name, each in SETTINGS.items()}
    )


# Kernel → page: the messages themselves. Changes are numbered without gaps, per chat.


class MessageAdded(TypedDict):
    """A new message."""

    type: Literal["message"]
    seq: int
    message: MessageView


class Delta(TypedDict, total=False):
    """More text of a message."""

    type: Literal["delta"]
    seq: int
    id: str
    content: str
    reasoning: str


class FactsChanged(TypedDict):
    """All of a message but its texts, which went out as deltas, and its calls."""

    type: Literal["facts"]
    seq: int
    id: str
    facts: MessageFacts


class CallChanged(TypedDict):
    """A call of a tool, new or changed."""

    type: Literal["call"]
    seq: int
    id: str
    index: int
    call: CallView


class MessagesReplaced(TypedDict):
    """Takes messages away, and adds others at the end."""

    type: Literal["replace"]
    seq: int
    ids: list[str]
    messages: list[MessageView]


class StateChanged(TypedDict):
    """All of `ChatState`."""

    type: Literal["state"]
    seq: int
    state: dict[str, Any]


Change = MessageAdded | Delta | FactsChanged | CallChanged | MessagesReplaced | StateChanged


class Synced(TypedDict):
    """The answer to `Resync` where the page missed nothing."""

    type: Literal["synced"]


class SnapshotSent(TypedDict):
    """The answer to `Resync` where it did: all there is, as the trait `snapshot` has it."""

    type: Literal["snapshot"]
    snapshot: dict[str, Any]


class Received(TypedDict, total=False):
    """The answer to a request.

    `refused`: why it was not done, for the user. `fault`: nbchat itself failed, which is logged.
    """

    type: Literal["received"]
    nonce: str | None
    refused: str
    fault: str


class FileSent(TypedDict):
    """The answer to a request for a file; its bytes are the message's buffer."""

    type: Literal["file"]
    nonce: str | None
    name: str


FromKernel = Change | Synced | SnapshotSent | Received | FileSent


class File(NamedTuple):
    """What answers a request for a file."""

    name: str
    content: bytes


# Page → kernel


class FaultError(Exception):
    """A request that no page of this version sends."""


class Upload(NamedTuple):
    """A file that the user attached."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Resync:
    """A page has opened, or may have missed something after change number `seq`."""

    seq: int


@dataclass(frozen=True)
class ReadAsset:
    """A part of the front end that is loaded on demand; answered by a file."""

    name: str


@dataclass(frozen=True)
class Send:
    """The user sends a message; the files' bytes come as the request's buffers."""

    content: str
    attachments: tuple[Upload, ...]


@dataclass(frozen=True)
class Stop:
    """The user ends all replies that run or wait."""


@dataclass(frozen=True)
class Retry:
    """The user repeats the request of a reply that failed or was stopped."""

    id: str


@dataclass(frozen=True)
class Regenerate:
    """The user asks for another version of a reply."""

    id: str


@dataclass(frozen=True)
class Edit:
    """The user sends another version of a message."""

    id: str
    content: str


@dataclass(frozen=True)
class ContinueReply:
    """The user lets a reply go on that was cut off."""

    id: str


@dataclass(frozen=True)
class ShowBranch:
    """The user goes to the next version of a message (1), or to the previous one (-1)."""

    id: str
    step: Literal[-1, 1]


@dataclass(frozen=True)
class ShowThoughts:
    """The user opens the thoughts of a reply."""

    id: str


@dataclass(frozen=True)
class TakeReply:
    """The user continues with the reply in this column of a comparison."""


@dataclass(frozen=True)
class DecideCall:
    """The user allows or denies a call of a tool; `call` is its place in `tool_calls`."""

    id: str
    call: int
    allow: bool


@dataclass(frozen=True)
class ReadLastReply:
    """The user downloads the last reply; answered by a file."""


@dataclass(frozen=True)
class ListModels:
    """Answered by a file: JSON of a list of `ModelInfo`, in the menu's order."""


@dataclass(frozen=True)
class ListNames:
    """Answered by a file: JSON of a list of `VariableName`."""


@dataclass(frozen=True)
class ReadVariable:
    """What would be sent of a variable; answered by a file, a text or a PNG."""

    name: str


@dataclass(frozen=True)
class ReadFailedCell:
    """Answered by a file: JSON of `FailedCellView`."""


@dataclass(frozen=True)
class ReadAttachment:
    """Answered by a file: its bytes."""

    id: str


@dataclass(frozen=True)
class RunCode:
    """The user runs a reply's code: is it what it seems to be, and where does its output go?"""

    id: str
    index: int
    code: str


@dataclass(frozen=True)
class ReadOutputs:
    """What such code has put out. Answered by a file: JSON of a list of `OutputFile`."""

    id: str
    index: int


@dataclass(frozen=True)
class ChooseModel:
    """The user chooses a model that is not in the menu."""

    id: str


@dataclass(frozen=True)
class FindServers:
    """The user looks for other servers."""


@dataclass(frozen=True)
class EnterSecret:
    """The user has typed a key or a code into a notice."""

    notice: str
    value: Secret


@dataclass(frozen=True)
class PressAction:
    """The user has pressed a button of a notice."""

    notice: str
    action: str


Request = (
    Resync
    | ReadAsset
    | Send
    | Stop
    | Retry
    | Regenerate
    | Edit
    | ContinueReply
    | ShowBranch
    | ShowThoughts
    | TakeReply
    | DecideCall
    | ReadLastReply
    | ListModels
    | ListNames
    | ReadVariable
    | ReadFailedCell
    | ReadAttachment
    | RunCode
    | ReadOutputs
    | ChooseModel
    | FindServers
    | EnterSecret
    | PressAction
)
"""Something that the user does on a page, or that a page needs."""

REQUESTS: dict[str, type[Request]] = {
    "resync": Resync,
    "asset": ReadAsset,
    "send": Send,
    "stop": Stop,
    "retry": Retry,
    "regenerate": Regenerate,
    "edit": Edit,
    "continue": ContinueReply,
    "branch": ShowBranch,
    "thoughts": ShowThoughts,
    "take": TakeReply,
    "approve": DecideCall,
    "download": ReadLastReply,
    "models": ListModels,
    "names": ListNames,
    "variable": ReadVariable,
    "failure": ReadFailedCell,
    "attachment": ReadAttachment,
    "run": RunCode,
    "outputs": ReadOutputs,
    "model": ChooseModel,
    "servers": FindServers,
    "secret": EnterSecret,
    "action": PressAction,
}
"""The `type` of a message from a page → what it is."""


def read_request(message: Mapping[str, object], buffers: Sequence[bytes | memoryview]) -> Request:
    """The request that a message from a page is.

    Raises:
        FaultError: It has an unknown type, lacks a key, or has a value of the wrong type.
    """
    type_ = message.get("type")
    if not isinstance(type_, str) or type_ not in REQUESTS:
        raise FaultError(f"There is no request {type_!r}.")
    values: dict[str, object] = {}
    for name, hint in _hints(type_).items():
        if name not in message:
            raise FaultError(f"The request {type_!r} lacks {name!r}.")
        value = message[name]
        if hint == tuple[Upload, ...]:
            values[name] = _uploads(value, buffers)
        elif hint is Secret and type(value) is str:
            values[name] = Secret(value)
        elif _fits(value, hint):
            values[name] = value
        else:
            raise FaultError(f"The request {type_!r} has a {name!r} of the wrong type.")
    make: Callable[..., Request] = REQUESTS[type_]
    return make(**values)


@cache
def _hints(type_: str) -> dict[str, object]:
    return get_type_hints(REQUESTS[type_])


def _fits(value: object, hint: object) -> bool:
    if get_origin(hint) is Literal:
        return any(type(value) is type(each) and value == each for each in get_args(hint))
    return type(value) is hint


def _uploads(files: object, buffers: Sequence[bytes | memoryview]) -> tuple[Upload, ...]:
    if not isinstance(files, list) or len(files) != len(buffers):
        raise FaultError("The request 'send' has attachments without their buffers.")
    uploads = []
    for file, data in zip(files, buffers, strict=True):
        match file:
            case {"name": str(name), "media_type": str(media_type)}:
                uploads.append(Upload(name, media_type, bytes(data)))
            case _:
                raise FaultError("The request 'send' has attachments of the wrong type.")
    return tuple(uploads)


# What files of JSON hold


class VariableName(TypedDict):
    """A variable that can be mentioned; `hint`: "str 6"."""

    name: str
    hint: str


class FailedCellView(TypedDict):
    """What there is to send about a failed cell; `variables`: the names of its variables."""

    question: str
    name: str
    text: str
    variables: list[str]


class OutputFile(TypedDict):
    """What code has put out, fit to go with a message; `data` in Base64."""

    name: str
    media_type: str
    data: str


# From values to what a page knows of them


def attachment_view(attachment: Attachment) -> AttachmentView:
    """What a page knows of an attachment."""
    return {
        "id": attachment.id,
        "name": attachment.name,
        "kind": attachment.kind,
        "media_type": attachment.media_type,
        "size": attachment.size,
    }


def usage_view(usage: Usage | None) -> UsageView | None:
    """What a page knows of tokens and cost."""
    return cast(UsageView, asdict(usage)) if usage is not None else None


def error_view(error: ChatError) -> ErrorView:
    """What a page knows of an error."""
    return {"message": error.message, "detail": error.detail, "retryable": error.retryable}


def call_view(message: Message, index: int) -> CallView:
    """What a page knows of one of a message's calls of tools."""
    ats = [round_.at for round_ in message.rounds for _ in round_.calls]
    call = message.tool_calls[index]
    return {
        "name": call.name,
        "arguments": call.pretty_arguments,
        "status": call.status,
        "result": call.result,
        "at": _utf16_length(message.content[: ats[index]]),
    }


def message_facts(message: Message, runs: Mapping[int, str]) -> MessageFacts:
    """What a page knows of a message, besides what grows."""
    error = message.error
    return {
        "id": message.id,
        "role": message.role,
        "status": message.status,
        "branch": {"index": message.fork.index, "count": len(message.fork.versions)},
        "model": message.model,
        "finish_reason": message.finish_reason,
        "reasoning_s": message.reasoning_s,
        "first_token_s": message.first_token_s,
        "duration_s": message.duration_s,
        "usage": usage_view(message.usage),
        "estimated_cost": message.estimated_cost,
        "attachments": [attachment_view(each) for each in message.attachments],
        "notes": list(message.notes),
        "runs": {str(index): model_id for index, model_id in runs.items()},
        "retry_in_s": message.retry_at and max(0.0, message.retry_at - time.monotonic()),
        "error": error_view(error) if error is not None else None,
    }


def message_view(message: Message, runs: Mapping[int, str]) -> MessageView:
    """What a page knows of a message."""
    return {
        **message_facts(message, runs),
        "content": message.content,
        "reasoning": message.reasoning,
        "tool_calls": [call_view(message, index) for index in range(len(message.tool_calls))],
    }


def notice_view(notice: Notice) -> NoticeView:
    """What a page knows of a notice."""
    progress = notice.progress
    return {
        "id": notice.id,
        "text": notice.text,
        "secret_label": notice.secret and notice.secret.label,
        "secret_button": notice.secret.button if notice.secret else "",
        "actions": [{"id": id_, "label": each.label} for id_, each in notice.actions.items()],
        "progress": progress and {"done": progress[0], "total": progress[1]},
        "tone": notice.tone,
    }


def model_info(model: Model) -> ModelInfo:
    """What a page knows of a model."""
    return {
        "id": model.id,
        "name": model.name,
        "is_free": model.is_free,
        "context_length": model.context_length,
        "prompt_price": model.prompt_price,
        "completion_price": model.completion_price,
        "reasoning": None if model.reasoning is None else model.reasoning.choice != "none",
        "images": model.images,
        "expires": model.expires.isoformat() if model.expires else None,
    }


def _utf16_length(text: str) -> int:
    """The length of a text as JavaScript counts it."""
    return len(text) + sum(char > "\uffff" for char in text)
