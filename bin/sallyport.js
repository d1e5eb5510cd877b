#!/usr/bin/env node
// Old syntax only: an old Node has to be able to read this far and say what is wrong.
var needed = 24;
var running = process.versions.node;

if (parseInt(running, 10) < needed) {
  var message = 'sallyport: needs Node.js ' + needed + ' or later; this is Node.js ' + running;
  var advice = 'Install a newer one. In a clone, `npm ci` brings one that `npx sallyport` uses.';
  process.stderr.write(message + ' (' + process.execPath + ').\n  fix: ' + advice + '\n');
  process.exitCode = 2;
} else {
  void import('./launch.js');
}
