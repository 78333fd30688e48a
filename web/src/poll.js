// poll.js - modest polling: never two at once, never in a hidden tab.

/** Calls `fn(signal)` now and `every` ms after each end; returns {now, stop}.
 *  A hidden tab asks nothing; coming back asks at once. */
export function poll(fn, every) {
  let timer = null, running = null, stopped = false;
  async function run() {
    clearTimeout(timer);
    running?.abort();
    const mine = (running = new AbortController());
    try { await fn(mine.signal); } finally {
      if (running === mine) {
        running = null;
        if (!stopped && every > 0 && !document.hidden) timer = setTimeout(run, every);
      }
    }
  }
  const seen = () => { if (document.hidden) clearTimeout(timer); else if (every > 0 && !running) run(); };
  document.addEventListener('visibilitychange', seen);
  run();
  return {
    now: run,
    stop() {
      stopped = true;
      clearTimeout(timer);
      running?.abort();
      document.removeEventListener('visibilitychange', seen);
    },
  };
}
