/** The thread that runs a script. It trusts the script with nothing: who started it can end it at any time. */
/* oxlint-disable unicorn/require-post-message-target-origin -- threads have no origins */
import process from 'node:process';
import {
  parentPort,
  receiveMessageOnPort,
  workerData,
  type MessagePort,
} from 'node:worker_threads';
import { LuaEngine, LuaFactory, LuaLibraries } from 'wasmoon';
import { LUA_MEMORY_MAX_BYTES } from '../../../limits.ts';
import { EXCHANGE, LUA_SANDBOX } from './sandbox.ts';

/** What the thread is given when it starts. */
export interface ThreadData {
  readonly script: string;
  /** How messages of Lua name it. */
  readonly name: string;
  /** Answers of HTTP services come here, while the thread stands still. */
  readonly answers: MessagePort;
  /** Counts those answers. Int32. */
  readonly answered: SharedArrayBuffer;
  /** Microseconds of processor time that the thread had used up when its question began. Float64. */
  readonly usedBefore: SharedArrayBuffer;
}

/** What it says: that it takes questions, or why not; the answer to one; what it wants of an HTTP service. */
export type ThreadMessage =
  | { readonly wrong: string | null }
  | { readonly answer: string }
  | { readonly call: string };

type Decide = (script: string, name: string, question?: string) => string;

interface State {
  readonly decide: Decide;
  close(): void;
}

// No io, os, debug or package: none of them is ever loaded.
const libraries = [
  LuaLibraries.Base,
  LuaLibraries.Coroutine,
  LuaLibraries.Table,
  LuaLibraries.String,
  LuaLibraries.Math,
];

const { script, name, answers, answered, usedBefore } = workerData as ThreadData;
const answerCount = new Int32Array(answered);
const usage = new Float64Array(usedBefore);
const lua = await new LuaFactory().getLuaModule();

/** A fresh state, with nothing in it that belongs to JavaScript but one function of text. */
function createState(): State {
  const engine = new LuaEngine(lua, {
    openStandardLibs: false,
    injectObjects: false,
    enableProxy: false,
    traceAllocations: true,
  });
  for (const library of libraries) engine.global.loadLibrary(library);
  // Asked for this library, wasmoon 1.16 loads `string` a second time.
  lua.luaopen_utf8(engine.global.address);
  lua.lua_setglobal(engine.global.address, 'utf8');
  engine.global.setMemoryMax(LUA_MEMORY_MAX_BYTES);
  engine.global.set(EXCHANGE, exchange);
  const decide = engine.doStringSync(LUA_SANDBOX) as Decide;
  return { decide, close: () => engine.global.close() };
}

/** Hands the call to whoever started the thread, and stands still until its answer is there. */
function exchange(call: string): string {
  const before = Atomics.load(answerCount, 0);
  say({ call });
  Atomics.wait(answerCount, 0, before);
  return receiveMessageOnPort(answers)!.message as string;
}

function say(message: ThreadMessage): void {
  parentPort!.postMessage(message);
}

let state = createState();

parentPort!.on('message', (question: string) => {
  const { user, system } = process.threadCpuUsage();
  usage[0] = user + system;
  say({ answer: state.decide(script, name, question) });
  state.close();
  state = createState();
});

say({ wrong: state.decide(script, name) || null });
