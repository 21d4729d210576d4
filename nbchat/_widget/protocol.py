"""Every message between the kernel and a page.

The page's side is `frontend/src/kernel/protocol.ts`. A test checks both against the examples in
`tests/protocol.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, NamedTuple, TypedDict, get_args, get_origin, get_type_hints

from nbchat._chat.attachments.attachment import Kind
from nbchat._chat.conversation.message import Role, Status
from nbchat._chat.conversation.runs import RunStatus
from nbchat._chat.conversation.tool_rounds import CallStatus
from nbchat._chat.keys import Secret
from nbchat._chat.settings import SETTINGS
from nbchat._chat.suffix import Suffix
from nbchat._servers.error_messages import Remedy

# Kernel → page: a message of the conversation


class UsageView(TypedDict):
    """Tokens, and the cost in US dollars."""

    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    cost: float | None


class _AttachmentView(TypedDict):
    id: str
    name: str
    kind: Kind
    media_type: str
    size: int


class AttachmentView(_AttachmentView, total=False):
    """A file or an image of a message; the page asks for its bytes by its id.

    Attributes:
        encoding: How a text is read; left out for UTF-8.
    """

    encoding: str


class CallView(TypedDict):
    """A tool call; `at`: the number of UTF-16 units of the reply's text before it."""

    name: str
    arguments: str
    status: CallStatus
    result: str
    at: int


class ErrorView(TypedDict):
    """Why a reply failed, and what the user can do about it.

    `detail`: the server's words, or if not `server_said` those of an exception, if they say more
    than title and advice. `credit_page`: where the
    user adds credit; "" if that is unknown.
    """

    message: str
    title: str
    advice: str
    server_said: bool
    detail: str | None
    retryable: bool
    remedy: Remedy
    credit_page: str


class BranchView(TypedDict):
    """Which version of a message is shown (from 0), of how many."""

    index: int
    count: int


class MessageFacts(TypedDict):
    """A message without the parts that grow: its two texts and its tool calls.

    `runs`: index of each Python block that was run → id of the widget with its output; "": the page
    has to ask for it.
    """

    id: str
    role: Role
    status: Status
    branch: BranchView
    model: str | None
    finish_reason: str | None
    created: float | None
    asked_to_reason: bool
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


class MessagesView(TypedDict):
    """Messages in a row; `earlier`: whether there are others before them, which the page lacks."""

    messages: list[MessageView]
    earlier: bool


# Kernel → page: the state around the conversation


class ActionView(TypedDict):
    """A button of a notice."""

    id: str
    label: str


class ProgressView(TypedDict):
    """How much of a task is done."""

    done: int
    total: int


class NoticeView(TypedDict):
    """A notice of the chat itself, shown as a card."""

    id: str
    text: str
    actions: list[ActionView]
    tone: Literal["info", "error"]


class WayView(TypedDict):
    """A way to connect a model: a row of the card.

    Attributes:
        id: What the page sends when the user chooses it.
        kind: "press": a button; "key" and "address": it opens fields to type in.
        label: What it does.
        note: What else is known about it.
        primary: Whether it is the one that most users want; fields are open at once.
    """

    id: str
    kind: Literal["press", "key", "address"]
    label: str
    note: str
    primary: bool


class ConnectView(TypedDict):
    """The card that connects a model.

    Attributes:
        title: Its heading.
        text: A sentence below; code stands in backticks.
        ways: Its rows.
        sign_in: The page to open, while it asks for the code that this page shows; else blank.
        busy: What it waits for; blank: for the user.
        progress: How much of that is done, if known.
        problem: Why the last attempt failed; blank if it did not.
        cancel: Whether it can be cancelled.
    """

    title: str
    text: str
    ways: list[WayView]
    sign_in: str
    busy: str
    progress: ProgressView | None
    problem: str
    cancel: bool


class SuggestionView(TypedDict):
    """What the user can do in an empty chat.

    Attributes:
        label: What its button says.
        text: What goes into the box; blank: an explanation of the last error.
    """

    label: str
    text: str


class ModelInfo(TypedDict):
    """What the user sees of a model; prices in US dollars per million tokens."""

    id: str
    name: str
    is_free: bool
    context_length: int | None
    prompt_price: float | None
    completion_price: float | None
    reasoning: bool | None
    images: bool | None
    tools: bool | None
    chats: bool
    expires: str | None


class ContextView(TypedDict):
    """How full the model's context is: tokens used, and tokens in all."""

    used: int
    length: int


@dataclass
class ChatState:
    """What a page shows around the messages; after a change, all of it is sent.

    Attributes:
        busy: Whether a reply is streaming or queued.
        notices: The notices of the chat itself.
        connect: The card that connects a model; None: it is not shown.
        suggestions: What the user can do, while the chat is empty.
        download: The file name of the last reply; None: there is nothing to download.
        model: The id of the chosen model.
        server: The server's name for the user.
        model_info: What is known about the chosen model.
        efforts: The reasoning efforts that the model offers, by their labels; empty: no choice.
        effort: The chosen reasoning effort.
        why_disabled: A setting's name → why its control is disabled, in a sentence.
        catalogue: A number that changes with the list of models.
        list_problem: Why the menu does not have the server's models; blank if it has them.
        account: What is left of the free quota or the credit; blank if unknown.
        usage: The usage of the whole conversation.
        max_cost: US dollars that the conversation may cost.
        context: How full the model's context is.
        labels: A setting's name → the label of its control.
        allowed_tools: The names of the tools that the user has allowed for this chat.
        shared: Whether many visitors share the page: the notebook is not theirs to see or change.
    """

    busy: bool = False
    notices: list[NoticeView] = field(default_factory=list)
    connect: ConnectView | None = None
    suggestions: list[SuggestionView] = field(default_factory=list)
    download: str | None = None
    model: str = ""
    server: str = ""
    model_info: ModelInfo | None = None
    efforts: dict[str, str] = field(default_factory=dict)
    effort: str = ""
    why_disabled: dict[str, str] = field(default_factory=dict)
    catalogue: int = 0
    list_problem: str = ""
    account: str = ""
    usage: UsageView | None = None
    max_cost: float | None = None
    context: ContextView | None = None
    labels: dict[str, str] = field(
        default_factory=lambda: {name: each.label for name, each in SETTINGS.items()}
    )
    allowed_tools: list[str] = field(default_factory=list)
    shared: bool = False


# Kernel → page: the messages. `seq` numbers the changes of a chat, without gaps.


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
    """A message without its tool calls and its texts, which were sent as deltas."""

    type: Literal["facts"]
    seq: int
    id: str
    facts: MessageFacts


class CallChanged(TypedDict):
    """A tool call, new or changed."""

    type: Literal["call"]
    seq: int
    id: str
    index: int
    call: CallView


class MessagesReplaced(TypedDict):
    """Removes messages, and adds others at the end."""

    type: Literal["replace"]
    seq: int
    ids: list[str]
    messages: list[MessageView]


class StateChanged(TypedDict):
    """The whole `ChatState`."""

    type: Literal["state"]
    seq: int
    state: dict[str, Any]


Change = MessageAdded | Delta | FactsChanged | CallChanged | MessagesReplaced | StateChanged


class Synced(TypedDict):
    """The answer to `Resync` if the page missed nothing."""

    type: Literal["synced"]


class SnapshotSent(TypedDict):
    """The answer to `Resync` if the page missed something: the content of the trait `snapshot`."""

    type: Literal["snapshot"]
    snapshot: dict[str, Any]


class Received(TypedDict, total=False):
    """The answer to a request.

    `refused`: why the request was refused, for the user. `other_model`: a model with which it would
    not be. `fault`: what to show if nbchat itself
    failed; the log has the details.
    """

    type: Literal["received"]
    nonce: str | None
    refused: str
    other_model: str
    fault: str


class FileSent(TypedDict):
    """The answer to a request for a file; its bytes are the message's buffer."""

    type: Literal["file"]
    nonce: str | None
    name: str


FromKernel = Change | Synced | SnapshotSent | Received | FileSent


class File(NamedTuple):
    """A file that answers a request."""

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
    """A page has opened, or may have missed changes after number `seq`."""

    seq: int


@dataclass(frozen=True)
class ReadAsset:
    """The page needs a part of the front end that is loaded on demand. Answered by a file."""

    name: str


@dataclass(frozen=True)
class ReadEarlier:
    """The page needs messages before this one. Answered by a file: JSON of a `MessagesView`."""

    before: str


@dataclass(frozen=True)
class Send:
    """The user sends a message, which is queued while a reply runs.

    The request's buffers hold the files' bytes.
    """

    content: str
    attachments: tuple[Upload, ...]


@dataclass(frozen=True)
class TakeBack:
    """The user takes back a message that has not been sent yet; `id`: its reply's."""

    id: str


@dataclass(frozen=True)
class Stop:
    """The user stops all running and queued replies."""


@dataclass(frozen=True)
class Retry:
    """The user repeats the request of a reply that failed or was stopped."""

    id: str


@dataclass(frozen=True)
class TryNow:
    """The user has a request sent now that waits as the server asked."""

    id: str


@dataclass(frozen=True)
class AskKey:
    """The user wants to enter another API key."""


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
    """The user continues a reply that was cut off."""

    id: str


@dataclass(frozen=True)
class ShowBranch:
    """The user goes to the next version of a message (1), or to the previous one (-1)."""

    id: str
    step: Literal[-1, 1]


@dataclass(frozen=True)
class TakeReply:
    """The user continues with the reply in this column of a comparison."""


@dataclass(frozen=True)
class DecideCall:
    """The user allows or denies a tool call; `call` is its index in `tool_calls`."""

    id: str
    call: int
    allow: bool


@dataclass(frozen=True)
class AllowTool:
    """The user allows a tool call, and all others of its tool in this chat."""

    id: str
    call: int


@dataclass(frozen=True)
class RevokeTool:
    """The user wants to be asked again before each call of this tool."""

    name: str


@dataclass(frozen=True)
class ReadLastReply:
    """The user downloads the last reply. Answered by a file."""


@dataclass(frozen=True)
class ListModels:
    """The page needs the models. Answered by a file: JSON of `ModelInfo`s, free ones first."""


@dataclass(frozen=True)
class ListNames:
    """The page needs the variables to offer. Answered by a file: JSON of `VariableName`s."""


@dataclass(frozen=True)
class ReadVariable:
    """The page needs what would be sent of a variable. Answered by a file: a text or a PNG."""

    name: str


@dataclass(frozen=True)
class ReadFailedCell:
    """The page needs the last failed cell. Answered by a file: JSON of a `FailedCellView`."""


@dataclass(frozen=True)
class ReadAttachment:
    """The page needs the bytes of an attachment. Answered by a file."""

    id: str


@dataclass(frozen=True)
class RunCode:
    """The user runs a reply's code: the kernel checks it and prepares its output."""

    id: str
    index: int
    code: str


@dataclass(frozen=True)
class ClearOutput:
    """The user clears the output of a reply's code."""

    id: str
    index: int


@dataclass(frozen=True)
class ReadOutputs:
    """The page needs the output of code that was run. Answered by a file of JSON."""

    id: str
    index: int


@dataclass(frozen=True)
class ReadRun:
    """The page needs what is kept of code that was run. Answered by a file: JSON of `RunView`."""

    id: str
    index: int


@dataclass(frozen=True)
class ChooseModel:
    """The user chooses a model that is not in the menu."""

    id: str


@dataclass(frozen=True)
class ChooseEffort:
    """The user chooses a reasoning effort beside the message box."""

    effort: str


@dataclass(frozen=True)
class FindServers:
    """The user looks for other servers."""


@dataclass(frozen=True)
class Connect:
    """The user chooses a way to connect a model; "cancel": none."""

    way: str


@dataclass(frozen=True)
class EnterSecret:
    """The user has typed an API key, or the code of a sign-in, into the card."""

    way: Literal["key", "sign-in"]
    value: Secret


@dataclass(frozen=True)
class Export:
    """The user saves the chat. Answered by a file."""

    suffix: Suffix


@dataclass(frozen=True)
class Clear:
    """The user clears the chat."""


@dataclass(frozen=True)
class ConnectTo:
    """The user has typed the address of a server, and its key or nothing."""

    base_url: str
    key: Secret


@dataclass(frozen=True)
class PressAction:
    """The user has pressed a button of a notice."""

    notice: str
    action: str


Request = (
    Resync
    | ReadAsset
    | ReadEarlier
    | Send
    | TakeBack
    | Stop
    | Retry
    | TryNow
    | AskKey
    | Regenerate
    | Edit
    | ContinueReply
    | ShowBranch
    | TakeReply
    | DecideCall
    | AllowTool
    | RevokeTool
    | ReadLastReply
    | ListModels
    | ListNames
    | ReadVariable
    | ReadFailedCell
    | ReadAttachment
    | RunCode
    | ClearOutput
    | ReadOutputs
    | ReadRun
    | ChooseModel
    | ChooseEffort
    | FindServers
    | Connect
    | EnterSecret
    | ConnectTo
    | PressAction
    | Export
    | Clear
)
"""What the user does on a page, or what a page needs."""

REQUESTS: dict[str, type[Request]] = {
    "resync": Resync,
    "asset": ReadAsset,
    "earlier": ReadEarlier,
    "send": Send,
    "take_back": TakeBack,
    "stop": Stop,
    "retry": Retry,
    "try_now": TryNow,
    "key": AskKey,
    "regenerate": Regenerate,
    "edit": Edit,
    "continue": ContinueReply,
    "branch": ShowBranch,
    "take": TakeReply,
    "approve": DecideCall,
    "allow_tool": AllowTool,
    "revoke_tool": RevokeTool,
    "download": ReadLastReply,
    "models": ListModels,
    "names": ListNames,
    "variable": ReadVariable,
    "failure": ReadFailedCell,
    "attachment": ReadAttachment,
    "run": RunCode,
    "clear_output": ClearOutput,
    "outputs": ReadOutputs,
    "ran": ReadRun,
    "model": ChooseModel,
    "effort": ChooseEffort,
    "servers": FindServers,
    "connect": Connect,
    "secret": EnterSecret,
    "connect_to": ConnectTo,
    "action": PressAction,
    "export": Export,
    "clear": Clear,
}
"""The `type` of a message from a page → its class."""


def read_request(message: Mapping[str, object], buffers: Sequence[bytes | memoryview]) -> Request:
    """Returns a message from a page as a request.

    Raises:
        FaultError: The message has an unknown type, lacks a key, or has a value of a wrong type.
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


# What the JSON files hold


class VariableName(TypedDict):
    """A variable that the user can mention; `hint`: for example "str 6"."""

    name: str
    hint: str


class FailedCellView(TypedDict):
    """What to send about a failed cell; `variables`: the names of the variables that it uses."""

    question: str
    name: str
    text: str
    variables: list[str]


class RunView(TypedDict):
    """What was kept of code that was run; each output: MIME type → text, or an image in Base64."""

    status: RunStatus
    outputs: list[dict[str, str]]


class OutputFileView(TypedDict):
    """A part of a code's output that can be attached to a message; `data` is in Base64."""

    name: str
    media_type: str
    data: str
