#!/usr/bin/env node
// Old syntax only: an old Node has to be able to read this far and say what is wrong.
var needed = 24;
var running = process.versions.node;

if (parseInt(running, 10) < needed) {
  process.stderr.write(
    'sallyport: needs Node.js ' +
      needed +
      ' or later; this is Node.js ' +
      running +
      ' (' +
      process.execPath +
      ').\n' +
      '  fix: Install a newer Node.js. In a clone, `npm start` and `npx sallyport` use the right one after `npm ci`.\n',
  );
  process.exitCode = 2;
} else {
  void import('./launch.js');
}
