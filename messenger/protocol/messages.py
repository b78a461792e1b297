"""Every message of the protocol as a typed struct. Requests are what a command is: its name, arguments and help.

A request's class docstring is the command's help, its fields are the command's arguments in order, and the type
of a field says how the argument is called in a usage line. Adding a command starts here. What no person types has
no such arguments.
"""

from __future__ import annotations

from typing import Annotated, List, Optional, Union

from msgspec import Meta, Struct

from messenger.protocol.limits import (
    ADDRESS_MAX,
    ADDRESSES_MAX,
    CIPHER_MAX,
    FILE_NAME_MAX,
    FILE_SIZE_MAX,
    OUTCOME_CODE_MAX,
    OUTCOME_MESSAGE_MAX,
    PASSWORD_MAX,
    PROTOCOL_VERSION,
    REQUEST_ID_MAX,
    RESUME_MAX,
    TEXT_MAX,
)

_KEY = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="  # 32 bytes, and the two bits that are left over are zero

RequestId = Annotated[int, Meta(ge=0, le=REQUEST_ID_MAX)]
Port = Annotated[int, Meta(ge=0, le=65535)]
UserName = Annotated[str, Meta(title="USER")]
GroupName = Annotated[str, Meta(title="NAME")]
UserNames = Annotated[List[str], Meta(title="USER…")]
Text = Annotated[str, Meta(title="TEXT", max_length=TEXT_MAX)]
TransferId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
PublicKey = Annotated[str, Meta(pattern=rf"^{_KEY}\Z")]
FileNameField = Annotated[str, Meta(min_length=1, max_length=FILE_NAME_MAX)]
Size = Annotated[int, Meta(ge=0, le=FILE_SIZE_MAX)]
Address = Annotated[str, Meta(pattern=rf"^[0-9A-Fa-f:.]{{1,{ADDRESS_MAX}}}\Z")]
Addresses = Annotated[List[Address], Meta(max_length=ADDRESSES_MAX)]
OutcomeMessage = Annotated[str, Meta(max_length=OUTCOME_MESSAGE_MAX)]


class Request(Struct, tag_field="type", gc=False, forbid_unknown_fields=True):
    """What a client asks for; the reply carries the same id."""

    id: RequestId


class Login(Request, tag="login"):
    """Log in. The client's UDP port becomes part of the userlog and of everyone's list of active users."""

    username: str
    password: Annotated[str, Meta(max_length=PASSWORD_MAX)]
    udp_port: Port = 0
    protocol: int = PROTOCOL_VERSION


class MsgTo(Request, tag="msgto"):
    """Send a private message to a user who is online."""

    user: UserName
    text: Text


class ActiveUser(Request, tag="activeuser"):
    """List the other users who are online."""


class CreateGroup(Request, tag="creategroup"):
    """Make a group with users who are online.

    They are invited, the creator is its first member.
    """

    group: GroupName
    users: UserNames


class JoinGroup(Request, tag="joingroup"):
    """Join a group that you were invited to."""

    group: GroupName


class GroupMsg(Request, tag="groupmsg"):
    """Send a message to a group that you have joined."""

    group: GroupName
    text: Text


class Logout(Request, tag="logout"):
    """Log out and leave the program."""


class Ping(Request, tag="ping"):
    """Ask whether the server is there; this leaves no trace anywhere."""


class Offer(Request, tag="offer"):
    """Offer a file, which goes from client to client by UDP. The client makes the id of the transfer and a key."""

    user: str
    transfer: TransferId
    name: FileNameField
    size: Size
    key: PublicKey
    udp_port: Annotated[int, Meta(ge=1, le=65535)]
    addresses: Addresses = []
    cipher: Annotated[str, Meta(pattern=rf"^[a-z0-9-]{{1,{CIPHER_MAX}}}\Z")] = "aes-128-gcm"
    client: Annotated[str, Meta(pattern=r"^([0-9a-f]{32})?\Z")] = ""


class Answer(Request, tag="answer"):
    """Accept or decline a file. `resume` tells the sender, and nobody on the way, what is there already."""

    user: str
    transfer: TransferId
    accepted: bool
    key: Annotated[str, Meta(pattern=rf"^({_KEY})?\Z")] = ""
    udp_port: Port = 0
    addresses: Addresses = []
    resume: Annotated[str, Meta(max_length=RESUME_MAX, pattern=r"^[A-Za-z0-9+/]*={0,2}\Z")] = ""
    code: Annotated[str, Meta(pattern=rf"^[a-z_]{{0,{OUTCOME_CODE_MAX}}}\Z")] = ""
    message: OutcomeMessage = ""

    def __post_init__(self) -> None:
        if self.accepted and not (self.key and self.udp_port):
            raise ValueError("who accepts a file gives a key and a UDP port")


class Outcome(Request, tag="outcome"):
    """Tell the other side how a transfer ended, or that it will not begin."""

    user: str
    transfer: TransferId
    code: Annotated[str, Meta(pattern=rf"^[a-z_]{{1,{OUTCOME_CODE_MAX}}}\Z")]
    message: OutcomeMessage = ""
    proof: Annotated[str, Meta(pattern=r"^([A-Za-z0-9+/]{21}[AQgw]==)?\Z")] = ""


class Alive(Struct, tag_field="type", tag="alive", gc=False, forbid_unknown_fields=True):
    """Answer to the server's `check`; gets no reply."""


class Malformed(Struct, gc=False):
    """Stands in the stream of requests for a line that is none; never sent."""

    id: Optional[int]
    code: str
    message: str


class Event(Struct, tag_field="type", gc=False, omit_defaults=True):
    """What the server sends: replies (with the request's id) and what others did (without)."""


class Hello(Event, tag="hello"):
    """The server's first line on a connection."""

    protocol: int
    server: str


class Welcome(Event, tag="welcome"):
    """Reply to a login that succeeded; groups and invitations are those kept from earlier sessions."""

    id: int
    username: str
    time: str
    groups: List[str] = []
    invitations: List[str] = []


class Sent(Event, tag="sent"):
    """Reply to `count` consecutive messages, of which `id` and `number` are the last: logged, and on their way."""

    id: int
    time: str
    number: int
    count: int = 1


class ActiveUserInfo(Struct, gc=False):
    """One line of the list of active users; `address` is the one that the server sees."""

    name: str
    address: str
    udp_port: int
    since: str


class Active(Event, tag="active"):
    """Reply to `activeuser`; a long list comes in several parts, all but the last with `more`."""

    id: int
    users: List[ActiveUserInfo]
    more: bool = False


class Created(Event, tag="created"):
    """Reply to `creategroup`; the creator stands first."""

    id: int
    group: str
    members: List[str]


class Joined(Event, tag="joined"):
    """Reply to `joingroup`."""

    id: int
    group: str


class Goodbye(Event, tag="goodbye"):
    """Reply to `logout`, the last line on the connection."""

    id: int


class Pong(Event, tag="pong"):
    """Reply to `ping`."""

    id: int


class Relayed(Event, tag="relayed"):
    """Reply to `offer`, `answer` and `outcome`: passed on to the other user, and forgotten."""

    id: int


class Error(Event, tag="error"):
    """Reply to a request that was refused: nothing was changed, sent or logged by it.

    `id` is missing when the line was so broken that it had none. `retry_after` is in seconds.
    """

    code: str
    message: str
    id: Optional[int] = None
    retry_after: float = 0


class Message(Event, tag="message", rename={"sender": "from"}):
    """A private message to you; `number` is its number in messagelog.txt."""

    sender: str
    text: str
    time: str
    number: int


class GroupMessage(Event, tag="group_message", rename={"sender": "from"}):
    """A message to a group that you have joined; `number` is its number in messagelog.txt."""

    group: str
    sender: str
    text: str
    time: str
    number: int


class Invited(Event, tag="invited"):
    """Somebody made a group with you in it."""

    group: str
    by: str


class Offered(Event, tag="offered", rename={"sender": "from"}):
    """Somebody offers a file. The server vouches for `sender` and `address`, all else is what that client claims."""

    transfer: str
    sender: str
    name: str
    size: int
    key: str
    cipher: str
    address: str
    udp_port: int
    addresses: List[str] = []
    client: str = ""


class Answered(Event, tag="answered", rename={"sender": "from"}):
    """An offer was accepted, by a client that the server sees at `address`, or declined, with a code."""

    transfer: str
    sender: str
    accepted: bool
    address: str
    key: str = ""
    udp_port: int = 0
    addresses: List[str] = []
    resume: str = ""
    code: str = ""
    message: str = ""


class TransferOutcome(Event, tag="transfer_outcome", rename={"sender": "from"}):
    """How a transfer ended, as the other side tells it."""

    transfer: str
    sender: str
    code: str
    message: str = ""
    proof: str = ""


class Check(Event, tag="check"):
    """The server asks whether the client is still there; answer with `alive`, or with any request."""


class Closing(Event, tag="closing"):
    """The server is about to close this connection, and why."""

    code: str
    message: str


AnyRequest = Union[
    Login, MsgTo, ActiveUser, CreateGroup, JoinGroup, GroupMsg, Logout, Ping, Offer, Answer, Outcome, Alive
]  # fmt: skip
AnyReply = Union[Welcome, Sent, Active, Created, Joined, Goodbye, Pong, Relayed, Error]
AnyEvent = Union[
    Hello, AnyReply, Message, GroupMessage, Invited, Offered, Answered, TransferOutcome, Check, Closing
]  # fmt: skip
