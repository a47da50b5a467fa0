import { type KeyboardEvent, type PointerEvent, type RefObject, useCallback, useEffect, useRef, useState } from 'react';

export interface Viewport {
  readonly x: number;
  readonly y: number;
  /** 1: as large as drawn. */
  readonly scale: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const SCALE_MIN = 0.15;
const SCALE_MAX = 3;
const STEP = 1.25;
const KEY_MOVES_PX = 60;
/** Pixels that a press may move and still be a click. */
const CLICK_PX = 4;

/** All of it in sight, in the middle, not larger than 1.2 times. */
function fitted(drawing: Size, place: Size): Viewport {
  const fit = Math.min(place.width / drawing.width, place.height / drawing.height, 1.2);
  const scale = Number.isFinite(fit) && fit > 0 ? Math.max(SCALE_MIN, fit) : 1;
  return {
    x: (place.width - drawing.width * scale) / 2,
    y: (place.height - drawing.height * scale) / 2,
    scale,
  };
}

/** Zoomed at a point that stays where it is. */
function zoomed({ x, y, scale }: Viewport, factor: number, at: { readonly x: number; readonly y: number }): Viewport {
  const next = Math.min(SCALE_MAX, Math.max(SCALE_MIN, scale * factor));
  const ratio = next / scale;
  return { x: at.x - (at.x - x) * ratio, y: at.y - (at.y - y) * ratio, scale: next };
}

/** Moving and zooming a drawing with pointer, wheel and keys. It fits its place until somebody moves it. */
export function usePanZoom({ width, height }: Size) {
  const place = useRef<SVGSVGElement>(null);
  const [viewport, setViewport] = useState<Viewport>({ x: 0, y: 0, scale: 1 });
  const touched = useRef(false);
  const press = useRef<Press | null>(null);
  const fit = useCallback(() => {
    const element = place.current;
    if (element === null) return;
    touched.current = false;
    setViewport(fitted({ width, height }, { width: element.clientWidth, height: element.clientHeight }));
  }, [width, height]);
  const change = useCallback((next: (before: Viewport) => Viewport) => {
    touched.current = true;
    setViewport(next);
  }, []);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      if (!touched.current) fit();
    });
    observer.observe(element);
    // React's own listener is passive: the page would scroll as well.
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const at = { x: event.clientX - box.left, y: event.clientY - box.top };
      change((before) => zoomed(before, Math.exp(-event.deltaY * 0.0015), at));
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => {
      observer.disconnect();
      element.removeEventListener('wheel', onWheel);
    };
  }, [fit, change]);
  const zoom = (factor: number) => {
    const element = place.current;
    if (element === null) return;
    change((before) => zoomed(before, factor, { x: element.clientWidth / 2, y: element.clientHeight / 2 }));
  };
  const move = (x: number, y: number) => change((before) => ({ ...before, x: before.x + x, y: before.y + y }));
  return {
    ...{ place, viewport, fit },
    zoomIn: () => zoom(STEP),
    zoomOut: () => zoom(1 / STEP),
    handlers: { ...dragHandlers(press, move), onKeyDown: keyHandler({ move, zoom, fit }) },
  };
}

interface Press {
  readonly x: number;
  readonly y: number;
  readonly moved: boolean;
}

function dragHandlers(press: RefObject<Press | null>, move: (x: number, y: number) => void) {
  const release = () => {
    press.current = null;
  };
  return {
    onPointerDown: (event: PointerEvent<SVGSVGElement>) => {
      if (event.button === 0) press.current = { x: event.clientX, y: event.clientY, moved: false };
    },
    onPointerMove: (event: PointerEvent<SVGSVGElement>) => {
      const from = press.current;
      if (from === null) return;
      const [x, y] = [event.clientX - from.x, event.clientY - from.y];
      if (!from.moved && Math.hypot(x, y) < CLICK_PX) return;
      if (!from.moved) event.currentTarget.setPointerCapture(event.pointerId);
      press.current = { x: event.clientX, y: event.clientY, moved: true };
      move(x, y);
    },
    onPointerUp: release,
    onPointerCancel: release,
  };
}

interface Moves {
  readonly move: (x: number, y: number) => void;
  readonly zoom: (factor: number) => void;
  readonly fit: () => void;
}

function keyHandler(moves: Moves) {
  return (event: KeyboardEvent<SVGSVGElement>) => {
    const known = keyAction(event.key, moves);
    if (known === null) return;
    event.preventDefault();
    known();
  };
}

function keyAction(key: string, { move, zoom, fit }: Moves): (() => void) | null {
  switch (key) {
    case 'ArrowLeft':
      return () => move(KEY_MOVES_PX, 0);
    case 'ArrowRight':
      return () => move(-KEY_MOVES_PX, 0);
    case 'ArrowUp':
      return () => move(0, KEY_MOVES_PX);
    case 'ArrowDown':
      return () => move(0, -KEY_MOVES_PX);
    case '+':
    case '=':
      return () => zoom(STEP);
    case '-':
      return () => zoom(1 / STEP);
    case '0':
      return fit;
    default:
      return null;
  }
}
