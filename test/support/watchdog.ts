/**
 * Preloaded into every test file's process: a file that does not end by itself, because a test left
 * something open, fails with the names of what is open instead of holding up the whole run.
 */
const FILE_TIMEOUT_MS = (process.env.SALLYPORT_TEST_LONG === '1' ? 40 : 8) * 60_000;

if (process.env.NODE_TEST_CONTEXT !== undefined) {
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(', ');
    console.error(
      `this test file did not end within ${FILE_TIMEOUT_MS / 60_000} minutes: open are ${open}`,
    );
    process.exit(1);
  }, FILE_TIMEOUT_MS).unref();
}
