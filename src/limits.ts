/**
 * Every size, count and time that bounds something, with its unit and its reason. A session never
 * trusts its peer: whatever can grow on a peer's word is bounded here.
 */
const KB = 1024;
const MB = 1024 * KB;

// ---- Reading (net/) ----

/** Bytes a quiet socket reads at once, into the buffer that all quiet sockets share. */
export const QUIET_READ_BYTES = 16 * KB;
/**
 * A busy local socket reads into a slab of this size. A little less than 64 KB: a frame with its headers
 * is then one packet of the loopback interface, whose MTU is 64 KB, and so is each write to a consumer.
 * A packet more for a few bytes cost a quarter of the CPU time. Twice as much saves nothing.
 */
export const LOCAL_SLAB_BYTES = 64 * KB - 128;
/** A busy link reads into a slab of this size: it carries many streams. */
export const LINK_SLAB_BYTES = 256 * KB;
/** A read shorter than this sends a busy socket back to the shared buffer, so that idle ones hold no slab. */
export const BULK_KEEP_BYTES = 8 * KB;
/** Bytes of slabs of one size in use for reading; beyond it sockets go on with small reads. */
export const SLABS_OUT_MAX_BYTES = 64 * MB;
/** Bytes of free slabs of one size kept for reuse. */
export const SLABS_IDLE_MAX_BYTES = 8 * MB;
/** Writable mark of our sockets. Back-pressure is the stream window, so this only keeps `write` quiet. */
export const SOCKET_WRITE_MARK_BYTES = 1 * MB;
/** How often a socket that is not read from is looked at: a peer that reset it is noticed within two of these. */
export const PAUSED_PROBE_MS = 1_000;
/** What was written to a closing socket has this long to leave. */
export const CLOSE_FLUSH_MS = 2_000;

/** Up to here a copy is an ordinary small buffer. */
export const SMALL_COPY_BYTES = 4 * KB;
/**
 * Sizes of the slabs that larger copies go into. A piece up to the largest of them is copied when its
 * socket is behind: it would pin the whole slab it stands in. A stalled stream therefore costs little
 * more than its own bytes.
 */
export const COPY_SLAB_BYTES = [8 * KB, 32 * KB, 64 * KB];

// ---- Sessions (session/, transport/) ----

/** The window a yamux stream starts with on both sides; the protocol fixes it. */
export const INITIAL_WINDOW_BYTES = 256 * KB;
/** The window a stream may grow to when its reader keeps up: 84 MB/s at a round trip of 50 ms. */
export const STREAM_WINDOW_MAX_BYTES = 4 * MB;
/** What all windows of a session may have grown by, together, beyond the initial ones. */
export const SESSION_WINDOW_GROWTH_BYTES = 16 * MB;
/** Consumed bytes are credited to the peer at the latest when this many have gathered. */
export const CREDIT_MAX_BYTES = 256 * KB;
/** A window this large from a peer is an overflow attempt: no implementation asks for it. */
export const PEER_WINDOW_MAX_BYTES = 1024 * MB;
/**
 * A stream stops reading its socket while the link has this much unsent. 1 MB cost a fifth more CPU
 * with 64 busy streams: what waits must not fall out of the processor's cache.
 */
export const LINK_BACKLOG_HIGH_BYTES = 256 * KB;
/** And goes on below this. */
export const LINK_BACKLOG_LOW_BYTES = 128 * KB;
/**
 * Frames owed to the peer's own (pings, openings) that have not left: a peer that makes us answer and
 * never reads is cut off at this many. Four times what opening every stream at once asks for.
 */
export const ANSWERS_UNSENT_MAX = 65_536;
/** Small frames are gathered up to this size before they are sent in any case. */
export const STAGING_BYTES = 64 * KB;
/** Room for the first frames that are gathered. */
export const FEW_FRAMES_BYTES = 1 * KB;
/** Streams the peer may have open at once in one session. */
export const PEER_STREAMS_MAX = 16_384;
/**
 * Payload of one WebSocket frame. Frames are read piece by piece, so a long one costs nothing; the
 * longest that are met are the messages of WStunnel, 100 MB.
 */
export const MESSAGE_MAX_BYTES = 128 * MB;
/**
 * A peer that has closed its WebSocket may owe the other side nothing any more, but the other side
 * may still end in order: it is waited for so long.
 */
export const GONE_PEER_GRACE_MS = 10_000;
/** Payload of a WebSocket control frame; RFC 6455, section 5.5. */
export const CONTROL_FRAME_MAX_BYTES = 125;

/** What all windows of a process may have grown by, together: the memory slow readers can pin. */
export const PROCESS_WINDOW_GROWTH_BYTES = 256 * MB;
/** A window grows when it was used up within this many round trips. */
export const WINDOW_GROWTH_ROUND_TRIPS = 4;
/**
 * And, where the round trip is too short to tell, within this time: what many busy streams have on a
 * short link waits there for longer than a round trip.
 */
export const WINDOW_GROWTH_FLOOR_MS = 25;

// ---- Native protocol (attach/) ----

/** The head or answer at the start of a data stream. */
export const STREAM_HEAD_MAX_BYTES = 16 * KB;
/** One message on the control stream. */
export const CONTROL_MESSAGE_MAX_BYTES = 64 * KB;
/**
 * Answers on the control stream that a client leaves unread before it is cut off. An agent may ask
 * for all its services at once: so much is owed for 1,000 of them with twenty hosts each.
 */
export const CONTROL_UNREAD_MAX_BYTES = 1 * MB;
/** Message of an error as a peer is told it; a longer one is cut. Unit: characters. */
export const FAILURE_MESSAGE_MAX_CHARS = 1_024;
/** Addresses of one service, together: the answer to its registration must be a control message. Unit: characters. */
export const SERVICE_URLS_MAX_CHARS = 32 * KB;
/** Services one agent may register. */
export const SERVICES_PER_AGENT_MAX = 1_000;
/** From the accepted socket to the finished hello. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** The agent's answer to a stream must have come by then: a look-up and a dial, and some. */
export const STREAM_ANSWER_TIMEOUT_MS = 25_000;
/** The agent's connection to a target must stand by then. */
export const TARGET_DIAL_TIMEOUT_MS = 10_000;
/** Pause before the first redial; it doubles, with jitter, up to RECONNECT_MAX_MS. */
export const RECONNECT_MIN_MS = 200;
export const RECONNECT_MAX_MS = 10_000;
/** Default time between heartbeats: a dead link is noticed within 2.5 of them. */
export const HEARTBEAT_MS = 5_000;

// ---- HTTP ingress (http1/, ingress/http/) ----

/** Request or response head, all of it. */
export const HTTP_HEAD_MAX_BYTES = 32 * KB;
/** Fields in one head. */
export const HTTP_FIELDS_MAX = 128;
/** A rendez-vous token shorter than this could be guessed. Unit: characters. */
export const RENDEZVOUS_TOKEN_MIN_CHARS = 16;
/** Upstreams that a request is offered to while each refuses it before a byte of it reached a target. */
export const HTTP_OFFERS_MAX = 3;
/**
 * A client that has ended its direction is waited for while its response flows, and in a pause of it
 * this long: a client that is gone altogether looks the same, until something is sent to it.
 */
export const HTTP_HALF_CLOSED_QUIET_MS = 3_500;
/** A client that leaves more than this of its responses unread has its next request wait. */
export const HTTP_UNREAD_MAX_BYTES = 64 * KB;
/** Interim responses (1xx) to one request. */
export const HTTP_INTERIMS_MAX = 32;
/** What a 503 proposes: agents are back within a second or two. Unit: seconds. */
export const HTTP_RETRY_AFTER_S = 2;
/** Deadlines are looked at this often; they are met up to so much late. */
export const DEADLINE_TICK_MS = 1_000;
/** Fields that one Connection field may name: each is compared with every other field. */
export const HTTP_NOMINATIONS_MAX = 16;
/** One chunk-size line or trailer section. */
export const HTTP_CHUNK_LINE_MAX_BYTES = 256;
export const HTTP_TRAILER_MAX_BYTES = 8 * KB;
/** From the first byte of a connection or request to the end of its head. */
export const HTTP_HEAD_TIMEOUT_MS = 10_000;
/** A kept-alive connection without a request. */
export const HTTP_IDLE_TIMEOUT_MS = 75_000;
/** Longest pause inside a request body that the target is ready to take. */
export const HTTP_BODY_IDLE_TIMEOUT_MS = 60_000;
/** From the end of a request to the head of its response. */
export const HTTP_RESPONSE_TIMEOUT_MS = 300_000;
/** A kept upstream stream older than this is not trusted with a request that must not run twice. */
export const HTTP_UNSAFE_REUSE_MS = 1_000;
/** What is read and thrown away after an early error answer, so that the client gets to read it. */
export const HTTP_LINGER_BYTES = 256 * KB;
export const HTTP_LINGER_MS = 2_000;

// ---- Server ----

/** A service whose last agent is gone answers «absent» for this long, then it is unknown. */
export const SERVICE_ABSENCE_MS = 60_000;

/** Clients attached to one server at a time. */
export const SESSIONS_MAX = 50_000;
/** Accept queue of each listener. */
export const LISTEN_BACKLOG = 4_096;
/**
 * Files that are followed must not change for so long before they are read again: who writes them is
 * done by then, and a removed token is out within a second.
 */
export const FILES_SETTLE_MS = 150;
/** Followed files are looked at this often also when nothing told of a change, as on network file systems. */
export const FILES_POLL_MS = 10_000;
/** Running work may go on for this long after a shutdown was asked for. */
export const DRAIN_GRACE_MS = 30_000;
/**
 * An agent that leaves waits for this long, in milliseconds, until its server has heard so: more than a
 * round trip round the world, and no more than somebody who stops a program would notice.
 */
export const GO_AWAY_HEARD_MS = 500;
/** How often a drain looks whether running work has ended. */
export const DRAIN_POLL_MS = 50;
/** Consumers' sockets are probed after this much silence, so that vanished ones are noticed. */
export const TCP_KEEPALIVE_MS = 60_000;

// ---- Configuration (config/) ----

/** A configuration file. A thousand services with all their keys take a quarter of it. */
export const CONFIG_FILE_MAX_BYTES = 1 * MB;
/** Values in a configuration file after its aliases are written out: stops alias bombs. */
export const CONFIG_VALUES_MAX = 50_000;
/** Nesting in a configuration file; what is accepted needs four levels. */
export const CONFIG_DEPTH_MAX = 16;
/** Problems of a configuration that the log and the events of a running server tell: whoever mends these finds the rest. */
export const CONFIG_PROBLEMS_TOLD_MAX = 20;
/** A file that holds one secret. */
export const SECRET_FILE_MAX_BYTES = 64 * KB;

// ---- Authenticators (access/authenticate/) ----

/** Whoever comes in is known by then, or has to come again: what is asked elsewhere has its own, shorter times. */
export const AUTHENTICATION_TIMEOUT_MS = 8_000;
/** Clients whose authentication is awaited, in one process; beyond it newcomers are asked to come again. */
export const AUTHENTICATIONS_MAX = 2_000;
/** How often it is looked whether somebody's credentials have ended. */
export const EXPIRY_CHECK_MS = 2_000;
/** An authenticator that has trouble says so again after this, or when the trouble is another one. */
export const AUTH_TROUBLE_QUIET_MS = 10_000;
/** Identities that one authenticator remembers for a short while, by their credentials. About 1 KB each. */
export const RECENT_IDENTITIES_MAX = 10_000;

/** A set of keys as an issuer publishes it; real ones have a few KB. */
export const JWKS_MAX_BYTES = 256 * KB;
/** Keys in one set. */
export const JWKS_KEYS_MAX = 64;
/** Keys that are tried for a token that does not name its own. */
export const JWT_KEYS_TRIED_MAX = 8;
/** The set must have come by then. */
export const JWKS_TIMEOUT_MS = 5_000;
/** After this it is fetched again: issuers announce keys hours before they use them. */
export const JWKS_FRESH_MS = 600_000;
/** Tokens with unknown keys make it be fetched once in this time. */
export const JWKS_COOLDOWN_MS = 30_000;
/** And once in this time as long as it could not be fetched at all. */
export const JWKS_RETRY_MS = 2_000;
/** Old keys count for this long while the set cannot be fetched. */
export const JWKS_STALE_MAX_MS = 86_400_000;
/** Difference between the issuer's clock and ours that is overlooked. */
export const JWT_LEEWAY_MS = 30_000;
/** A token that was verified is not verified again for this long. */
export const JWT_REMEMBERED_MS = 10_000;

/** The answer of an external authenticator must have come by then. */
export const EXTERNAL_AUTH_TIMEOUT_MS = 5_000;
export const EXTERNAL_AUTH_BODY_MAX_BYTES = 64 * KB;
/** Questions to one external authenticator at once. */
export const EXTERNAL_AUTH_CALLS_MAX = 256;
/** What it allowed is allowed for this long without asking again, where nothing else is configured. */
export const EXTERNAL_AUTH_REMEMBERED_MS = 5_000;

// ---- Names and addresses (net/, access/, consumer/) ----
/** Characters of a service's name. It is also a label or more of a host name, a log field and a map key. */
export const SERVICE_NAME_MAX_CHARS = 128;
/** Characters of the key a consumer presents; it travels in every stream head. */
export const CONSUMER_KEY_MAX_CHARS = 256;
/** Path of a Unix socket: `sun_path` on Linux holds 108 bytes with its closing NUL. */
export const UNIX_PATH_MAX_BYTES = 107;

// ---- Logs and health (observe/) ----

/** Access lines are gathered up to this size within one turn of the event loop, then written at once. */
export const LOG_BATCH_CHARS = 64 * KB;
/** What a slow reader of the log may hold up; beyond it lines are dropped and counted. */
export const LOG_BACKLOG_MAX_BYTES = 1 * MB;
/**
 * Lines for a file are gathered for so long: a write for each turn of the event loop, which another
 * thread has to do, took a tenth of the time of a busy server.
 */
export const LOG_GATHER_MS = 10;
/** A log file put aside for less than this would be many small ones. */
export const LOG_FILE_MIN_BYTES = 64 * KB;
/** Pause before a log file that could not be written, or a syslog that went away, is tried again. */
export const LOG_RETRY_MS = 1_000;
/** A log file that somebody has moved away is noticed within this time. */
export const LOG_FILE_CHECK_MS = 1_000;
/** Rotated log files are looked through for old ones this often at least. */
export const LOG_PRUNE_MS = 3_600_000;
/** What is left in the log at the end has this long to leave. */
export const LOG_CLOSE_MS = 1_000;
/** One message to a syslog; a longer one is cut. Receivers take 2 KB at least (RFC 5424, section 6.1), common ones this. */
export const SYSLOG_MESSAGE_MAX_BYTES = 8 * KB;
/** One text field of an access line; a longer one is cut and marked. Long enough for nearly every URL. */
export const LOG_FIELD_MAX_CHARS = 2 * KB;
/** Services with figures of their own; a service beyond them counts as `other`. Each has up to 80 series. */
export const METRICS_SERVICES_MAX = 64;
/** Connections at once to the listener of health or metrics: a few probes, never traffic. */
export const HEALTH_CONNECTIONS_MAX = 64;
/** A probe must have sent its request by then. */
export const HEALTH_REQUEST_TIMEOUT_MS = 5_000;

// ---- Public TCP ports and TLS passthrough (net/proxy-protocol, ingress/tcp/, ingress/tls/) ----

/** A PROXY header in text, version 1: the worst case of its specification, with the line end. */
export const PROXY_HEADER_V1_MAX_BYTES = 107;
/** A PROXY header of either version: what the smallest TCP segment carries, as its specification wants. */
export const PROXY_HEADER_MAX_BYTES = 536;
/** A trusted proxy must have sent its PROXY header by then: the specification asks for 3 s at least. */
export const PROXY_HEADER_TIMEOUT_MS = 5_000;
/** A ClientHello with its record headers. Post-quantum key shares bring real ones to 2 KB. */
export const CLIENT_HELLO_MAX_BYTES = 16 * KB;
/** The ClientHello must be complete by then. */
export const CLIENT_HELLO_TIMEOUT_MS = 10_000;
/** Connections of one listener whose beginning is still awaited. Beyond it the longest waiting one is cut off. */
export const PREFACES_MAX = 2_048;
/** The first piece of a beginning that came in pieces is kept in a buffer of this size, which then doubles. */
export const PREFACE_KEPT_BYTES = 512;

// ---- The way out (transport/outgoing/) ----

/** What an outgoing proxy may answer before its connection begins: a response head, or SOCKS replies. */
export const PROXY_ANSWER_MAX_BYTES = 16 * KB;

// ---- Events (events/) ----

/**
 * Events that the log can go back: for subscribers that come back, and for sinks that are slow. About
 * 0.5 KB each.
 */
export const EVENTS_KEPT_MAX = 10_000;
/** What one event holds of a host, a path or the addresses of a service: the ring keeps it. Unit: characters. */
export const EVENT_TEXT_MAX_CHARS = 2 * KB;
/** A reader that waits gets what comes within this time together: busy times make few large batches. */
export const EVENT_GATHER_MS = 20;
/** Events handed to a reader of the log at once: a turn of the event loop must stay short. */
export const EVENT_BATCH_MAX = 256;
/** A subscriber's stream holds this much before it reads on in the log, and a batch more. */
export const EVENT_STREAM_BUFFER_BYTES = 64 * KB;
/** A quiet stream of events shows that it is alive this often: proxies give up after 30 s or more. */
export const EVENT_KEEP_ALIVE_MS = 15_000;
/** How long a subscriber that was cut off is asked to wait. */
export const EVENT_RETRY_MS = 2_000;

/** One line of the audit file. An entry that would make it longer is written without what it holds. */
export const AUDIT_LINE_MAX_BYTES = 32 * KB;
/** An audit file is not rotated before this: its name must be worth it. */
export const AUDIT_FILE_MIN_BYTES = 64 * KB;
/** What was written to the audit file is on the disk at the latest then: what a loss of power may take. */
export const AUDIT_SYNC_MS = 1_000;
/** Pause before an entry that could not be written is tried again. Meanwhile events wait in the log. */
export const AUDIT_RETRY_MS = 1_000;
/** A failure of the audit file that lasts is told again this often. */
export const AUDIT_COMPLAINT_MS = 60_000;
/** The key of a signature must be too long to be guessed. Unit: characters. */
export const WEBHOOK_SECRET_MIN_CHARS = 16;
/** What a webhook may answer; it is read and thrown away. */
export const WEBHOOK_ANSWER_MAX_BYTES = 64 * KB;
/** A webhook that has not answered by then has failed. */
export const WEBHOOK_TIMEOUT_MS = 10_000;
/** Tries of one delivery; with the pauses between them about two minutes. */
export const WEBHOOK_ATTEMPTS_MAX = 8;
/** Pause before the second try; it doubles, with jitter, up to the longest. */
export const WEBHOOK_PAUSE_MIN_MS = 1_000;
export const WEBHOOK_PAUSE_MAX_MS = 60_000;
/** At the end of the server the last entries have this long to be written, and the last webhook to be taken. */
export const EVENT_SINK_CLOSE_MS = 3_000;

// ---- The gate (registry/) ----

/** Streams judged again at the same time, where the policy has to ask somebody: running work gets its turn too. */
export const REJUDGED_AT_ONCE = 32;
/** Streams that wait for a decision or for an agent, in one process: each holds what its head holds. */
export const PENDING_STREAMS_MAX = 10_000;
/** What a stream that waits keeps of its consumer's bytes. Its writer stops at the first; this bounds heads. */
export const PENDING_BYTES_MAX = 256 * KB;
/** What all of them keep together: heads of a usual size from as many streams as may wait, and some long ones. */
export const PENDING_HELD_MAX_BYTES = 128 * MB;
/** Names of services whose rule is remembered: far more than there are services. */
export const SERVICE_RULES_REMEMBERED_MAX = 4_096;

// ---- Quotas and rates (access/, session/) ----

/** Waiting bytes of a rate get their turns this often. */
export const PACE_TICK_MS = 10;
/** What a rate allows within this time may pass at once: a short answer need not wait. */
export const PACE_BURST_MS = 250;
/** One turn of a stream at its rate; then it is the next one's. */
export const PACE_TURN_MAX_BYTES = 16 * KB;
/** A turn is at least this long, at a slow rate that waits for it. */
export const PACE_TURN_MIN_BYTES = 1 * KB;
/** A rate of bytes below this would be slower than the frames that carry it. Unit: bytes a second. */
export const BYTE_RATE_MIN = 1 * KB;
/** And above this nobody could tell it from none. */
export const BYTE_RATE_MAX = 1024 * 1024 * MB;
/** Identities and services whose use is counted, each. What nobody uses is forgotten before that. */
export const ACCOUNTS_MAX = 100_000;
/** Public connections of one server unless it is told otherwise. Each takes a descriptor. */
export const PUBLIC_CONNECTIONS_MAX = 50_000;

// ---- Hubble (compat/hubble/) ----

/** One message of a Hubble peer. Originals send 1 KB of data in each, ours 32 KB. */
export const HUBBLE_MESSAGE_MAX_BYTES = 1 * MB;
/** Data in one message of ours. */
export const HUBBLE_DATA_BYTES = 32 * KB;
/**
 * What a Hubble link has delivered and nobody has taken yet. The protocol has no windows: beyond
 * this the whole link is not read, so it is as much as one slow reader may have without any other
 * session noticing.
 */
export const HUBBLE_UNTAKEN_MAX_BYTES = 4 * MB;
/** A reader that takes nothing for so long, while its link waits for it, loses its session. */
export const HUBBLE_STALL_MS = 10_000;
/** Hubble cannot tell a target that its consumer has ended: it is closed when it has sent nothing for so long. */
export const HUBBLE_HALF_CLOSED_QUIET_MS = 3_500;
/** What a closed Hubble peer had still on its way may take so long to reach the other end. */
export const HUBBLE_LINGER_MS = 60_000;
/** An original acknowledges a session before it can take data for it: the first data waits so long. */
export const HUBBLE_SETTLE_MS = 10;
/** Between signs of life. Longer than elsewhere: an original that waits for a slow socket answers nothing. */
export const HUBBLE_HEARTBEAT_MS = 30_000;
/** Characters of the id of a session; originals use the 36 of a UUID. */
export const HUBBLE_GUID_MAX_CHARS = 64;

// ---- Control (control/, access/guesses) ----

/** Body of a request to the control API. The longest holds a reason. */
export const CONTROL_BODY_MAX_BYTES = 64 * KB;
/** The body must have come as a whole by then. */
export const CONTROL_BODY_TIMEOUT_MS = 10_000;
/** Requests to the control API at once, those that follow events among them. */
export const CONTROL_REQUESTS_MAX = 256;
/** Who takes nothing of an answer for so long is cut off: the rest of it is held for them. */
export const CONTROL_STALL_MS = 30_000;
/** Entries in one answer; it is made in one turn of the event loop, so that it is true as a whole. */
export const CONTROL_LIST_MAX = 10_000;
/** What an operator may say about a kick; it has to fit the reason of a close frame. Unit: characters. */
export const CONTROL_REASON_MAX_CHARS = 64;
/** What a control client takes as one answer: a full list, and more. */
export const CONTROL_ANSWER_MAX_BYTES = 64 * MB;
/** An answer of the control API must be there by then; a reload may have much to read. */
export const CONTROL_ANSWER_TIMEOUT_MS = 30_000;
/** Message of an error of the control API as its client shows it: a reload names many problems. */
export const CONTROL_MESSAGE_MAX_CHARS = 16 * KB;
/** One message of an event stream that a client follows. Unit: characters. */
export const CONTROL_EVENT_MAX_CHARS = 1 * MB;
/** Names of identities that may be revoked at a time. */
export const REVOKED_IDENTITIES_MAX = 10_000;
/** Wrong credentials that an address may show before it has to wait. */
export const GUESSES_FREE = 10;
/** The first wait for who guesses on; it doubles with each further wrong credential. */
export const GUESS_WAIT_MIN_MS = 1_000;
/** The longest wait. An operator behind the same address as a guesser waits as long. */
export const GUESS_WAIT_MAX_MS = 60_000;
/** Addresses whose guesses are counted; beyond it the one that guessed first is forgotten. */
export const GUESSERS_MAX = 10_000;

// ---- Callback (compat/callback/) ----

/** A peer silent for half of this is asked for a sign of life, for twice of this is dead. Its own clients give up after 60 s without a byte. */
export const CALLBACK_HEARTBEAT_MS = 20_000;
/** Streams that a callbackreverse has not taken yet: its multiplexer refuses the 257th. */
export const CALLBACK_UNTAKEN_MAX = 256;
/** Streams that wait for that, for each callbackreverse. */
export const CALLBACK_WAITING_MAX = 4_096;
/** A consumer gets its 101 by then, whether or not the other end has answered: clients give up after 5 s. */
export const CALLBACK_UPGRADE_WAIT_MS = 1_000;
/** How long a consumer is held while the callbackreverse of its id is away. */
export const CALLBACK_AWAY_MS = 3_000;
/** Callbackreverses and consumers of theirs, each. */
export const CALLBACK_PEERS_MAX = 50_000;
/** Readers of the streams of changes. */
export const CALLBACK_READERS_MAX = 1_000;
/** A reader of changes that leaves more than this unread is cut off. */
export const CALLBACK_READER_BACKLOG_BYTES = 256 * KB;
/** A quiet stream of changes shows that it is alive. */
export const CALLBACK_READER_COMMENT_MS = 15_000;
/** How often changed byte counts of consumers are told, while somebody reads them. */
export const CALLBACK_COUNTS_MS = 5_000;

// ---- Sokken (compat/sokken/) ----

/** One message to a Sokken peer: the library of the originals ends the connection at a longer one. */
export const SOKKEN_MESSAGE_MAX_BYTES = 32 * KB;
/** Tunnels of one program at once, where nothing else is said; as the originals have it. */
export const SOKKEN_CONNECTIONS_MAX = 100;
/** Who says that it sends no more is sent the rest for so long; originals wait as long for each other. */
export const SOKKEN_CLOSE_MS = 5_000;
/**
 * An original server cannot be told that the consumer has ended its direction only: the whole tunnel
 * ends when nothing has come back for so long.
 */
export const SOKKEN_HALF_CLOSED_QUIET_MS = 1_000;
/** So much of a target is heard out for a client that has left: it must go on taking what that one sent. */
export const SOKKEN_HEAR_OUT_BYTES = 16 * MB;
/** Between signs of life. Proxies before such servers cut tunnels that are silent for a minute. */
export const SOKKEN_HEARTBEAT_MS = 30_000;

// ---- Streams within the process (session/duplex-stream) ----

/** Each way, before the writer has to wait: as much as two slabs. */
export const DUPLEX_WINDOW_BYTES = 64 * KB;
/** The head of a request for a fetch handler: one that the ingress let pass, and what it added. */
export const FETCH_HEAD_MAX_BYTES = 2 * HTTP_HEAD_MAX_BYTES;
/** Of a request body, beyond what a fetch handler has read: as much as a read brings. */
export const FETCH_BODY_AHEAD_BYTES = 64 * KB;

// ---- Policies (access/policy/) ----

/** What a script or a service says of its decision; a longer text is cut. Unit: characters. */
export const POLICY_REASON_MAX_CHARS = 200;
/** A service that is asked must have answered as a whole by then. */
export const POLICY_CALL_TIMEOUT_MS = 5_000;
/** Body of the answer of a service that is asked, or that a script asks. */
export const POLICY_ANSWER_MAX_BYTES = 64 * KB;
/** Connections to a service that is asked. */
export const POLICY_CONNECTIONS_MAX = 64;
/** Questions that wait for one service or one script; more are refused. */
export const POLICY_QUESTIONS_MAX = 1_000;
/** A script of a policy. The longest that a person would write is far below. */
export const LUA_SCRIPT_MAX_BYTES = 256 * KB;
/** Processor time that a script may take for one question: a thousand times what a usual one takes. */
export const LUA_CPU_MS = 100;
/** Memory of a script while it answers one question. */
export const LUA_MEMORY_MAX_BYTES = 16 * MB;
/** Memory of a worker beside that of its script: interpreter, questions, answers. */
export const LUA_WORKER_HEAP_MAX_BYTES = 64 * MB;
/** Threads that run one script; each answers one question at a time. */
export const LUA_WORKERS_MAX = 4;
/** A thread must take questions by then; it needs 50 ms. */
export const LUA_START_TIMEOUT_MS = 10_000;
/** From the question to its answer: the wait for a thread and what the script itself waits for. */
export const LUA_ANSWER_TIMEOUT_MS = 10_000;

// ---- Choice of a transport (attach/transport-choice) ----

/** After so long on a lesser transport a client that dials again tries the first of the list again. */
export const TRANSPORT_RETRY_MS = 600_000;
/** A transport that has worked is given up for another after so many dials in a row: a restart is no reason. */
export const TRANSPORT_FAILURES_MAX = 3;

// ---- Polled links (transport/longpoll/) ----

/** Bytes sent and not acknowledged, each way: bounds what a link keeps, and its throughput to this for each round trip. */
export const POLL_UNACKNOWLEDGED_MAX_BYTES = 8 * MB;
/**
 * What all polled links of a process keep together. Peers that acknowledge nothing can make them keep no
 * more: beyond it each link goes on with the small window.
 */
export const POLL_KEPT_MAX_BYTES = 256 * MB;
/** Bytes sent and not acknowledged, each way, of a link while POLL_KEPT_MAX_BYTES are kept. */
export const POLL_WINDOW_MIN_BYTES = 128 * KB;
/** What a link gathers for its next request beyond the backlog of other links: a round trip brings so much more. */
export const POLL_AHEAD_BYTES = 768 * KB;
/** Small pieces are kept in buffers of this size: one of its own for each frame would cost more than the frame. */
export const POLL_GATHER_BYTES = 4 * KB;
/** One answer with bytes. Proxies that gather whole answers have to hold it. */
export const POLL_ANSWER_MAX_BYTES = 4 * MB;
/** One request with bytes. Proxies often take no more than 1 MB. */
export const POLL_REQUEST_MAX_BYTES = 1 * MB;
/** The first request with bytes; the next ones grow and shrink with how long they take. */
export const POLL_REQUEST_START_BYTES = 256 * KB;
/** Requests become no smaller than this, whatever a proxy refuses. */
export const POLL_REQUEST_MIN_BYTES = 16 * KB;
/**
 * A request that took longer makes the next one smaller: a proxy that gathers whole requests shows the
 * server nothing meanwhile, and its heartbeats must not run out.
 */
export const POLL_REQUEST_SLOW_MS = 1_000;
/** A request for bytes is answered by then, with none: below the idle time of the proxies that are met. */
export const POLL_HOLD_MS = 25_000;
/** A link whose requests stay away, or fail, for so long is lost. */
export const POLL_GRACE_MS = 60_000;
/** The end of a link with its reason. */
export const POLL_LAST_WORDS_MAX_BYTES = 4 * KB;

// ---- WStunnel (compat/wstunnel/) ----

/** A message with its request or response: originals take no longer one. */
export const WSTUNNEL_MESSAGE_MAX_BYTES = 100 * MB;
/** Requests that are being gathered and responses that their readers have not taken, in all tunnels of a process. */
export const WSTUNNEL_HELD_MAX_BYTES = 384 * MB;
/** What was handed to a reader who has left counts as held for at most so long. */
export const WSTUNNEL_LINGER_MS = 60_000;
/** Requests in one tunnel at once. */
export const WSTUNNEL_REQUESTS_MAX = 1_024;
/** Ids of requests that were given up and not answered yet; beyond it the oldest is used again. */
export const WSTUNNEL_ABANDONED_MAX = 4_096;
/** Message ids are counted up to here, then from 0: originals read them into 16 bits with a sign. */
export const WSTUNNEL_IDS = 32_000;
/** First line of a response. Unit: bytes. */
export const WSTUNNEL_STATUS_LINE_MAX_BYTES = 8 * KB;
/** Tunnels of one server. */
export const WSTUNNEL_TUNNELS_MAX = 50_000;
/** Tokens that are known because somebody has come with them. */
export const WSTUNNEL_TOKENS_MAX = 50_000;
/** An agent that is silent for so long has gone, where nothing else is configured. Originals ping every 10 s. */
export const WSTUNNEL_SILENCE_MS = 30_000;
/** Requests of one token that wait for its agent, and how long, where nothing else is configured. */
export const WSTUNNEL_WAITING_MAX = 20;
export const WSTUNNEL_WAIT_MS = 30_000;
/** A token that nobody has come with for so long is forgotten. */
export const WSTUNNEL_TOKEN_IDLE_MS = 3_600_000;
/** How often tokens are looked through for such. */
export const WSTUNNEL_REAP_MS = 60_000;
/** An agent of ours pings this often at least: the shortest silence that originals can be set to is 3 s. */
export const WSTUNNEL_PING_MS = 2_000;
/** A response of the target must have begun, and go on, within this: what the originals' server waits at most by default. */
export const WSTUNNEL_TARGET_TIMEOUT_MS = 1_200_000;
/** Value of X-Host. The longest host name and a port. Unit: characters. */
export const WSTUNNEL_ORIGIN_MAX_CHARS = 300;
/** Time that a regexp may take for one X-Host; usual ones need some microseconds. */
export const WSTUNNEL_REGEXP_MS = 20;

// ---- QUIC (transport/quic/, session/quic/, server/quic/) ----

/** Connections on one QUIC port. Each takes about 50 KB and one local socket. */
export const QUIC_CONNECTIONS_MAX = 10_000;
/** Connections whose handshake is not done; beyond it Initials are dropped, and their senders try again. */
export const QUIC_HANDSHAKES_MAX = 512;
/** With so many unfinished handshakes a newcomer has to prove its address first, by a Retry. */
export const QUIC_RETRY_ABOVE = 64;
/** The handshake must be done by then. */
export const QUIC_HANDSHAKE_TIMEOUT_MS = 5_000;
/** Answers to datagrams of connections that are not there, as after a restart; their senders send more. */
export const QUIC_RESETS_PER_SECOND = 2_000;
/** How long a Retry token is good for: a round trip, and some. */
export const QUIC_RETRY_TOKEN_MS = 10_000;
/** A connection is lost after so much silence. Heartbeats are far more frequent. */
export const QUIC_IDLE_TIMEOUT_MS = 30_000;
/** Payload of one UDP datagram: what passes nearly everywhere without path discovery. */
export const QUIC_DATAGRAM_MAX_BYTES = 1_350;
/** What the kernel keeps of datagrams that have not been read. */
export const QUIC_SOCKET_BUFFER_BYTES = 4 * MB;
/** What a stream may send before its reader has taken anything; it grows to STREAM_WINDOW_MAX_BYTES. */
export const QUIC_STREAM_WINDOW_BYTES = 256 * KB;
/** The same for a connection as a whole. */
export const QUIC_CONNECTION_WINDOW_MAX_BYTES = 24 * MB;
/** Streams a peer may open at once, above PEER_STREAMS_MAX: those beyond that are refused by name. */
export const QUIC_STREAMS_MAX = PEER_STREAMS_MAX + 64;
/** Streams in one direction: the signals of a session, and room for HTTP/3's own. */
export const QUIC_UNI_STREAMS_MAX = 8;
/** The reason that goes with the end of a connection. */
export const QUIC_REASON_MAX_BYTES = 512;
/** Signals of a session that have not left. A peer that makes us answer and reads nothing is cut off. */
export const QUIC_SIGNALS_UNSENT_MAX_BYTES = 256 * KB;

// ---- reverst (compat/reverst/) ----

/** What comes with a message of HTTP/3 before its body: encoded, and again decoded with 32 for each field (RFC 9114, section 4.2.2). */
export const HTTP3_FIELD_SECTION_MAX_BYTES = 2 * HTTP_HEAD_MAX_BYTES;
/** A frame of a control stream. A SETTINGS frame with everything there is takes less than 100. */
export const HTTP3_CONTROL_FRAME_MAX_BYTES = 4 * KB;
/** Settings in one frame, reserved ones included. */
export const HTTP3_SETTINGS_MAX = 64;
/** Frames of one stream without use, one after the other: unknown types and empty DATA. */
export const HTTP3_USELESS_FRAMES_MAX = 1_000;
/** Interim responses (1xx) before a final one. */
export const HTTP3_INTERIM_MAX = 5;
/** Streams of unknown types, in the life of a connection: each is refused. */
export const HTTP3_UNKNOWN_STREAMS_MAX = 1_000;
/** What is delivered of a stream and not dealt with: beyond it the stream is not read from QUIC, and its window fills. */
export const HTTP3_STREAM_UNTAKEN_BYTES = 64 * KB;
/** How late it may be noticed that the peer has stopped a stream on which nothing is being sent, while there are many. */
export const HTTP3_STOPPED_CHECK_MS = 10;
/** So many such streams are looked at in every turn: it takes 25 microseconds. */
export const HTTP3_STOPPED_CHECK_ALWAYS = 64;
/** From a QUIC connection to its registration, and the judgement on it. */
export const REVERST_REGISTRATION_TIMEOUT_MS = 10_000;
/** Signs of life of a server to its clients: two may be lost before one that waits 20 s, as originals do, gives up. */
export const REVERST_CLIENT_KEEP_ALIVE_MS = 6_000;
/** Requests that wait until a client allows more at once: originals allow a hundred. Each may hold INITIAL_WINDOW_BYTES of its body. */
export const REVERST_REQUESTS_WAITING_MAX = 1_000;
/** A client that has said nothing to `Expect: 100-continue` by then may not know it: the body is asked for. */
export const REVERST_CONTINUE_MS = 1_000;
/** The value that registers a client, or answers it: a group, and credentials. */
export const REVERST_REGISTRATION_MAX_BYTES = 64 * KB;
/** Pairs in its metadata. Originals send one. */
export const REVERST_METADATA_MAX = 64;
/** Values within values of it. */
export const REVERST_REGISTRATION_DEPTH_MAX = 4;
/** Groups in a file, and hosts in a group. */
export const REVERST_GROUPS_MAX = 10_000;
export const REVERST_GROUP_HOSTS_MAX = 1_000;
/** A file of groups, or the entry of a cluster that holds one: what REVERST_GROUPS_MAX of them take. */
export const REVERST_GROUPS_FILE_MAX_BYTES = 4 * MB;
/** How long requests may go on when `sallyport reverst server` is told to end, as with the original. */
export const REVERST_SHUTDOWN_GRACE_MS = 5_000;
/** A file that holds a token, or its hash. */
export const REVERST_SECRET_MAX_BYTES = 16 * KB;
/** A request that does not say whether it has a body goes to its target as one in chunks after so long. The end of one that has none comes along with it, mostly. */
export const REVERST_BODY_WAIT_MS = 200;
/** A response that breaks off behind its head is reset after so long: the head has left by then. */
export const REVERST_BREAK_OFF_MS = 100;
/** Connections to the target that rest between two requests; more are closed. */
export const REVERST_KEPT_WIRES_MAX = 100;
/** How long they rest: less than servers of HTTP let them, 5 s being the shortest that is usual. */
export const REVERST_KEPT_WIRE_MS = 4_000;
/** A client that leaves looks this often whether its last request is done; requests that are on their way when it says so arrive within the first of these. */
export const REVERST_LEAVE_MS = 200;
/** Pause of a client before its first redial; it doubles up to RECONNECT_MAX_MS, and a tenth of it is drawn by lot, as in the originals. */
export const REVERST_REDIAL_MIN_MS = 100;
/** Signs of life of a client go out at least so often: as in the originals, whose servers may have a shorter idle time than the client. */
export const REVERST_KEEP_ALIVE_MAX_MS = 20_000;
/** What the command lines of the originals begin with: the silence after which a connection is lost, and the time between signs of life. */
export const REVERST_IDLE_TIMEOUT_MS = 60_000;
export const REVERST_KEEP_ALIVE_MS = 30_000;

/** An object of a Kubernetes API as JSON: etcd holds 1.5 MB, escapes and what the API adds come on top. */
export const KUBERNETES_OBJECT_MAX_BYTES = 4 * MB;
/** What is read of an answer that is a refusal. */
export const KUBERNETES_STATUS_MAX_BYTES = 16 * KB;
/** The token of a service account, or the authorities of its cluster. */
export const KUBERNETES_CREDENTIAL_MAX_BYTES = 256 * KB;
/** A list as a whole, and the head of a watch, must have come by then. */
export const KUBERNETES_ANSWER_TIMEOUT_MS = 10_000;
/** The server is asked to end a watch after this. Unit: seconds, as its API wants them. */
export const KUBERNETES_WATCH_S = 300;
/** A watch that has not ended by then is dead. */
export const KUBERNETES_WATCH_MAX_MS = 330_000;

// ---- The process that serves QUIC (server/quic/) ----

/** How often the process is asked whether it still gets its turns. */
export const QUIC_WATCH_MS = 250;
/** A process that has not answered for so long hangs: it is killed, and another takes its place. */
export const QUIC_HANG_MS = 1_000;
/** It must serve by then; it needs 300 ms. */
export const QUIC_START_TIMEOUT_MS = 10_000;
/** Pause before the next start of a process that ended while starting; it doubles up to RECONNECT_MAX_MS. */
export const QUIC_RESTART_MIN_MS = 100;
/**
 * The heartbeat of clients over QUIC, where theirs is not shorter: networks stop letting UDP through
 * without a word, and they are to be back by another transport within 5 s.
 */
export const QUIC_HEARTBEAT_MS = 1_600;
/** A dial by QUIC that has other transports behind it gives up by then. */
export const QUIC_DIAL_TIMEOUT_MS = 3_000;
