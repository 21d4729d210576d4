"""Passes each request of a page to its one handler."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence

from nbchat._chat.attachments.attachment import from_upload
from nbchat._chat.conversation.message import Message
from nbchat._chat.errors import assert_never
from nbchat._chat.notices import Notices
from nbchat._chat.suffix import Suffix
from nbchat._notebook import outputs
from nbchat._notebook.notebook import Notebook
from nbchat._tools.allowed import AllowedTools
from nbchat._turns.session import Session

from .code_runs import CodeRuns
from .model_switch import ModelSwitch
from .protocol import (
    AllowTool,
    AskKey,
    ChooseEffort,
    ChooseModel,
    Clear,
    ClearOutput,
    Connect,
    ConnectTo,
    ContinueReply,
    DecideCall,
    Edit,
    EnterSecret,
    Export,
    FailedCellView,
    FaultError,
    File,
    FindServers,
    ListModels,
    ListNames,
    ModelInfo,
    OutputFileView,
    PressAction,
    ReadAsset,
    ReadAttachment,
    ReadEarlier,
    ReadFailedCell,
    ReadLastReply,
    ReadOutputs,
    ReadRun,
    ReadVariable,
    Regenerate,
    Request,
    Resync,
    Retry,
    RevokeTool,
    RunCode,
    RunView,
    Send,
    ShowBranch,
    Stop,
    TakeBack,
    TakeReply,
    TryNow,
    VariableName,
)
from .turn_requests import TurnRequests
from .views import model_info

# What the visitors of a shared page may ask for. The page offers nothing else, but a visitor's page
# can send anything.
_FOR_VISITORS = (
    *(Send, TakeBack, Stop, Retry, TryNow, Regenerate, Edit, ContinueReply, ShowBranch),
    *(DecideCall, AllowTool, RevokeTool, PressAction, Clear, Export, ReadLastReply),
    *(ReadAttachment, ReadRun),
)


class ChatRequests:
    """Answers the requests of a chat's pages.

    Args:
        session: Runs the conversation.
        turns: Starts turns.
        models: Changes the model and the server.
        notices: Has the notices of the chat itself.
        notebook: Knows the variables and the failed cell.
        runs: Checks code and has its outputs.
        allowed: The tools that the user has allowed for this chat.
        read_last_reply: Returns the name and the bytes of the download.
        export: Returns the name and the bytes of the chat as a file, with or without the system
            instructions.
        clear: Clears the chat.
        show_version: Shows another version of a message.
        shared: Whether strangers use the page.
    """

    def __init__(
        self,
        session: Session,
        turns: TurnRequests,
        models: ModelSwitch,
        notices: Notices,
        notebook: Notebook,
        runs: CodeRuns,
        allowed: AllowedTools,
        read_last_reply: Callable[[], tuple[str, bytes]],
        export: Callable[[Suffix, bool], tuple[str, bytes]],
        clear: Callable[[], None],
        show_version: Callable[[Message, int], None],
        shared: bool = False,
    ) -> None:
        self._session = session
        self._turns = turns
        self._models = models
        self._notices = notices
        self._notebook = notebook
        self._runs = runs
        self._allowed = allowed
        self._read_last_reply = read_last_reply
        self._export = export
        self._clear = clear
        self._show_version = show_version
        self._shared = shared

    def answer(self, request: Request) -> File | None:
        """Carries out a request, and returns the file that it asks for; raises to refuse it."""
        if self._shared and not isinstance(request, _FOR_VISITORS):
            raise ValueError("This is not possible on a shared page.")
        find = self._session.find
        match request:
            case Send(content, uploads):
                self._turns.queue(content, [from_upload(*upload) for upload in uploads])
            case TakeBack(id_):
                self._session.take_back(find(id_))
            case Stop():
                self._session.stop()
            case Retry(id_):
                self._turns.retry(find(id_))
            case TryNow(id_):
                self._session.try_now(find(id_))
            case AskKey():
                self._models.ask_key()
            case Regenerate(id_):
                self._turns.regenerate(find(id_))
            case Edit(id_, content):
                self._turns.edit(find(id_), content)
            case ContinueReply(id_):
                self._turns.continue_reply(find(id_))
            case ShowBranch(id_, step):
                self._show_version(find(id_), step)
            case DecideCall(id_, call, allow):
                self._session.decide(find(id_), call, allow)
            case AllowTool(id_, call):
                self._session.allow_tool(find(id_), call)
            case RevokeTool(name):
                self._allowed.remove(name)
            case RunCode(id_, index, code):
                self._runs.run(id_, index, code)
            case ClearOutput(id_, index):
                self._runs.clear(id_, index)
            case ChooseModel(id_):
                self._models.choose(id_)
            case ChooseEffort(effort):
                self._models.choose_effort(effort)
            case FindServers():
                self._models.welcome.offer_servers()
            case Connect(way):
                self._models.welcome.choose(way)
            case EnterSecret(way, secret):
                self._models.welcome.enter(way, secret)
            case ConnectTo(base_url, key):
                self._models.welcome.connect_to(base_url, key)
            case PressAction(notice, action):
                self._notices.press(notice, action)
            case Clear():
                self._clear()
            case Export(suffix):
                # The system instructions are the owner's.
                return File(*self._export(suffix, not self._shared))
            case ReadLastReply():
                return File(*self._read_last_reply())
            case ReadAttachment(id_):
                return File(*self._session.read_attachment(id_))
            case ReadOutputs(id_, index):
                return _json("outputs", [_output(each) for each in self._runs.read(id_, index)])
            case ReadRun(id_, index):
                run = self._runs.kept(id_, index)
                return _json(
                    "run", RunView(status=run.status, outputs=list(map(dict, run.outputs)))
                )
            case ReadVariable(name):
                variable = self._notebook.variable(name, self._turns.no_images)
                return File(variable.name, variable.data)
            case ReadFailedCell():
                question, error, variables = self._notebook.failed_cell()
                cell = FailedCellView(
                    question=question, name=error.name, text=error.text, variables=variables
                )
                return _json("failure", cell)
            case ListModels():
                return _json("models", [model_info(each) for each in self._models.listed()])
            case ListNames():
                names = self._notebook.names()
                return _json("names", [VariableName(name=name, hint=hint) for name, hint in names])
            case Resync() | ReadAsset() | ReadEarlier() | TakeReply():
                raise FaultError(f"A chat does not answer {request!r}.")
            case _:
                assert_never(request)
        return None


def _json(
    name: str,
    value: Sequence[OutputFileView | ModelInfo | VariableName] | FailedCellView | RunView,
) -> File:
    return File(f"{name}.json", json.dumps(value).encode())


def _output(file: outputs.OutputFile) -> OutputFileView:
    data = base64.b64encode(file.data).decode()
    return {"name": file.name, "media_type": file.media_type, "data": data}
