import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf } from '../config/fields.ts';
import { schemas } from '../config/schema.ts';
import { commandHelp, overview } from './help.ts';
import { commandNames, commands, plainCommands } from './table.ts';

test('the help of `token`, to the letter', () => {
  assert.equal(
    commandHelp('token', fieldsOf(schemas.token)),
    `Usage: sallyport token [options]

Make a token, and the hash by which a server can know it.

Options:
  --hash  Make no token: read one from standard input and print its hash.
  --json  Print output, and errors, as JSON.

`,
  );
});

test('the usage line of `http` shows what has to be given', () => {
  assert.match(
    commandHelp('http', fieldsOf(schemas.http)),
    /^Usage: sallyport http TARGET --name NAME \[options\]\n/,
  );
});

for (const name of commandNames) {
  const fields = fieldsOf(schemas[name]);
  const help = commandHelp(name, fields);

  test(`the help of ${name} explains every option, in lines that fit`, () => {
    const text = help.replace(/\s+/g, ' ');
    for (const { flag, key, facts, initial, shape } of fields) {
      assert.ok(text.includes(flag ?? `${key}:`), key);
      assert.ok(text.includes(facts.help), key);
      if (shape === 'value' && initial !== undefined)
        assert.ok(text.includes(`Default: ${initial}.`), key);
    }
    assert.ok(text.includes(commands[name].positionals.help));
    assert.deepEqual(
      help.split('\n').filter((line) => line.length > 96),
      [],
    );
  });
}

test('the overview lists every command and the version', () => {
  const text = overview('1.2.3');
  for (const name of [...commandNames, ...Object.keys(plainCommands)])
    assert.match(text, new RegExp(`^ {2}${name} `, 'm'));
  assert.match(text, /^sallyport 1\.2\.3:/);
});
