// Preact with htm: what every component of the page is written in.

import { h, render } from "preact";
import htm from "htm";

export { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { render };
export const html = htm.bind(h);
