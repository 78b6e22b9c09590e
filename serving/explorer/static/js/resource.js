// Something that is asked of the service: loading, there, or failed, and never out of date.

import { useEffect, useRef, useState } from "./ui.js";

const NOTHING = { key: null, data: null, error: null };

/**
 * Ask whenever the key changes: {data, error, loading, previous, again}.
 *
 * The question before is cancelled, and an answer to any key but the present one is never shown
 * as `data`; `previous` is the last answer of all, for a view that wants to fade it out. A null
 * key asks nothing. `wait` (ms) lets a slider come to rest first.
 */
export function useResource(key, ask, { wait = 0 } = {}) {
  const [found, setFound] = useState(NOTHING);
  const [attempt, setAttempt] = useState(0);
  const previous = useRef(null);
  useEffect(() => {
    if (key === null) return undefined;
    const controller = new AbortController();
    const timer = window.setTimeout(async () => {
      try {
        const data = await ask(controller.signal);
        if (!controller.signal.aborted) setFound({ key, data, error: null });
      } catch (error) {
        if (!controller.signal.aborted) setFound({ key, data: null, error });
      }
    }, wait);
    return () => {
      window.clearTimeout(timer);
      controller.abort();
    };
  }, [key, attempt]);
  const current = key !== null && found.key === key ? found : NOTHING;
  if (current.data) previous.current = current.data;
  if (current.error || key === null) previous.current = null;
  return {
    data: current.data,
    error: current.error,
    loading: key !== null && current.key === null,
    previous: previous.current,
    again: () => {
      setFound(NOTHING);
      setAttempt(attempt + 1);
    },
  };
}
