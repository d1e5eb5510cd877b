/**
 * A YAML file as plain values whose places are known. Every scalar stays the text it was written as
 * (the failsafe schema of YAML 1.2, section 10.1), so that `no`, `012` and `1e3` mean what they say.
 */
import {
  LineCounter,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Alias,
  type Document,
  type Node,
  type YAMLError,
} from 'yaml';
import { CONFIG_DEPTH_MAX, CONFIG_VALUES_MAX } from '../limits.ts';
import { fileProblem, formatPath, type Problem } from './problem.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

export type Path = readonly (string | number)[];

export interface ConfigDocument {
  readonly file: string;
  /** Strings, arrays, objects without prototype, and null where nothing was written. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Of the value at the path, or of the nearest thing around it. Of the key itself with `key`. */
  position(path: Path, part?: 'key' | 'value'): Position;
}

/**
 * Reads the text of a file. With problems, the values are what could be read nevertheless; unless
 * `sound`, more problems found in them could be mere consequences.
 */
export function parseConfig(
  file: string,
  text: string,
): { document: ConfigDocument; problems: Problem[]; sound: boolean } {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { schema: 'failsafe', lineCounter: lines, prettyErrors: false });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems = [...yaml.errors, ...yaml.warnings].map((error) =>
    fileProblem(file, at(error.pos[0]), '', explain(error)),
  );
  const aliases = resolveAliases(yaml);
  const reader = createReader(yaml, aliases, (node, path, message) => {
    problems.push(fileProblem(file, at(node.range?.[0] ?? 0), formatPath(path), message));
  });
  const values = reader.root();
  return {
    document: {
      file,
      values,
      position: (path, part = 'value') => at(offsetOf(yaml, aliases, path, part)),
    },
    problems,
    sound: yaml.errors.every(({ code }) => code === 'DUPLICATE_KEY') && !reader.exhausted(),
  };
}

/** What each alias stands for. The parser's own look-up reads the whole file for every one. */
type Aliases = ReadonlyMap<Alias, Node>;

function resolveAliases(yaml: Document.Parsed): Aliases {
  const anchors = new Map<string, Node>();
  const aliases = new Map<Alias, Node>();
  visit(yaml, {
    Node(_, node) {
      if (isAlias(node)) {
        const meant = anchors.get(node.source);
        if (meant !== undefined) aliases.set(node, meant);
      } else if (node.anchor !== undefined) {
        anchors.set(node.anchor, node);
      }
    },
  });
  return aliases;
}

type Report = (node: Node, path: Path, message: string) => void;

/** Turns nodes into values, aliases written out, until a limit is reached. */
function createReader(yaml: Document.Parsed, aliases: Aliases, report: Report) {
  let count = 0;
  let exhausted = false;

  function value(node: unknown, path: Path): unknown {
    if (exhausted) return null;
    count += 1;
    if (count > CONFIG_VALUES_MAX || path.length > CONFIG_DEPTH_MAX) {
      exhausted = true;
      report(
        node as Node,
        path,
        'holds too many or too deep values, or an alias of itself; write less',
      );
      return null;
    }
    const written = isAlias(node) ? aliases.get(node) : node;
    if (isAlias(node) && written === undefined)
      report(
        node,
        path,
        `stands for *${node.source}, which no anchor defines before it; write the value`,
      );
    if (isScalar(written)) return scalar(written);
    if (isSeq(written)) return written.items.map((item, index) => value(item, [...path, index]));
    if (isMap(written)) return mapping(written, path);
    return null;
  }

  function mapping(
    map: { items: readonly { key: unknown; value: unknown }[] },
    path: Path,
  ): Record<string, unknown> {
    const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const pair of map.items) {
      if (!isScalar(pair.key)) {
        report(pair.key as Node, path, 'has a key that is not a plain word; write KEY: VALUE');
        continue;
      }
      const key = String(pair.key.value);
      values[key] = value(pair.value, [...path, key]);
    }
    return values;
  }

  return {
    exhausted: () => exhausted,
    root(): Record<string, unknown> {
      const { contents } = yaml;
      if (isMap(contents)) return value(contents, []) as Record<string, unknown>;
      if (yaml.errors.length === 0 && contents !== null && scalar(contents) !== null) {
        report(contents, [], 'must be keys and values, such as `listen: 0.0.0.0:8080`');
      }
      return {};
    },
  };
}

/** The text of a scalar; null for an empty one without quotes, and for `~` and `null`. */
function scalar(node: Node): string | null {
  if (!isScalar(node)) return '';
  const text = String(node.value);
  return node.type === 'PLAIN' && /^(?:|~|null)$/.test(text) ? null : text;
}

function offsetOf(
  yaml: Document.Parsed,
  aliases: Aliases,
  path: Path,
  part: 'key' | 'value',
): number {
  let node: unknown = yaml.contents;
  let offset = yaml.contents?.range[0] ?? 0;
  for (const [index, step] of path.entries()) {
    const inside = isAlias(node) ? aliases.get(node) : node;
    if (isMap(inside)) {
      const pair = inside.items.find(({ key }) => isScalar(key) && String(key.value) === step);
      if (pair === undefined) return offset;
      const last = index === path.length - 1;
      const shown = last && part === 'key' ? pair.key : pair.value;
      offset = startOf(shown) ?? startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(inside) && typeof step === 'number') {
      node = inside.items[step];
      offset = startOf(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

const explanations: Partial<Record<YAMLError['code'], string>> = {
  DUPLICATE_KEY: 'the same key stands here twice; keep one of them',
  MULTIPLE_DOCS: 'a second document begins here; keep one in a file',
  TAB_AS_INDENT: 'a tab indents this line; use spaces',
  TAG_RESOLVE_FAILED: 'tags such as !!int mean nothing here; remove it',
  BAD_INDENT: 'the indentation does not fit the lines before it; align it',
  MISSING_CHAR: 'a quote, bracket or colon is missing',
};

function explain({ code, message }: YAMLError): string {
  const words = explanations[code];
  return words === undefined
    ? `is not valid YAML: ${message}; mend the syntax`
    : `is not valid YAML: ${words}`;
}
