/** The commands as the user sees them. Loaded at every start, so nothing heavy is imported. */
import type { CommandName } from '../config/schema.ts';

export interface Positionals {
  /** As in the usage line. */
  readonly shown: string;
  readonly help: string;
  readonly min: number;
  readonly max: number;
}

export interface Command {
  /** One line, for the list of commands. */
  readonly summary: string;
  readonly positionals: Positionals;
}

const none: Positionals = { shown: '', help: '', min: 0, max: 0 };

function one(shown: string, help: string): Positionals {
  return { shown, help, min: 1, max: 1 };
}

export const commands: Readonly<Record<CommandName, Command>> = {
  server: {
    summary:
      'Run the public server: agents and consumers dial it, the web reaches services through it.',
    positionals: none,
  },
  http: {
    summary: 'Make a local web server reachable through the server.',
    positionals: one(
      'TARGET',
      'What to dial: 3000, host:port, http://host, https://host or unix:/path.',
    ),
  },
  tcp: {
    summary: 'Make a local TCP service reachable through the server.',
    positionals: one('TARGET', 'What to dial: 22, host:port or unix:/path.'),
  },
  agent: {
    summary: 'Make several services reachable, as a file lists them.',
    positionals: none,
  },
  connect: {
    summary: 'Join standard input and output to a service, for example as ProxyCommand of ssh.',
    positionals: one('NAME', 'Name of the service.'),
  },
  forward: {
    summary: 'Open local ports that lead to services.',
    positionals: {
      shown: 'RULE…',
      help: '[BIND:]PORT:[KEY@]NAME[:HOST:PORT]: 2222:box, 2222:box:127.0.0.1:22, [::1]:2222:box. Port 0 picks one. @HOST:PORT in the place of NAME is an address that the server itself dials.',
      min: 1,
      max: Infinity,
    },
  },
  doctor: {
    summary: 'Find out how a server can be reached from here, and what is in the way.',
    positionals: one('URL', 'The server: wss://tunnel.example.com, or ws, https, http.'),
  },
  demo: {
    summary: 'Show a server, an agent and a small web app at work, all on this machine.',
    positionals: none,
  },
  ls: {
    summary: 'List the services of a server and the agents behind them.',
    positionals: none,
  },
  ps: { summary: 'List the streams that are open at a server.', positionals: none },
  status: { summary: 'Show how a server is doing.', positionals: none },
  events: {
    summary: 'Show what happened at a server, and with -f what happens.',
    positionals: none,
  },
  kick: {
    summary: 'End the session of an agent or a consumer, a service, or a stream.',
    positionals: {
      shown: 'KIND ID',
      help: 'agent or consumer and its session (s1), service and its name, stream and its id, as ls, ps and events show them.',
      min: 2,
      max: 2,
    },
  },
  control: {
    summary: 'Control a server in other ways.',
    positionals: {
      shown: 'ACTION [NAME]',
      help: 'routes, identities and config show what there is; revoke NAME puts an identity out, restore NAME lets it in again; reload reads the configuration; drain takes nothing new; openapi prints the description of the control API, without asking a server.',
      min: 1,
      max: 2,
    },
  },
  config: {
    summary:
      'Check a configuration file, or print its JSON Schema or the reference of all options.',
    positionals: {
      shown: 'check FILE | schema | reference',
      help: 'check tells everything that is wrong with FILE; schema is for editors; reference is Markdown.',
      min: 1,
      max: 2,
    },
  },
  policy: {
    summary: 'Ask the policy of a configuration file, and show how its decision comes about.',
    positionals: {
      shown: 'test FILE',
      help: 'FILE is that of a server. Scripts are run and services are asked. Exit code 0: allowed, 3: denied.',
      min: 2,
      max: 2,
    },
  },
  audit: {
    summary: 'Check that audit files are as the server wrote them.',
    positionals: {
      shown: 'verify FILE…',
      help: 'Rotated files first, the oldest at the beginning. Exit code 0: all lines are intact, 1: one is not, and is named.',
      min: 2,
      max: Infinity,
    },
  },
  token: {
    summary: 'Make a token, and the hash by which a server can know it.',
    positionals: none,
  },
};

export const commandNames = Object.keys(commands) as CommandName[];

/** Without options of their own, and answered without loading anything more. */
export const plainCommands = {
  version: 'Print the version.',
  help: 'Explain a command: sallyport help COMMAND.',
} as const;
