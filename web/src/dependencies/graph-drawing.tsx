import { makeStyles, tokens, Tooltip } from '@fluentui/react-components';
import {
  Cd16Filled,
  CheckmarkCircle16Filled,
  Desktop20Regular,
  DismissCircle16Filled,
  Folder20Regular,
  HardDrive20Regular,
  PauseCircle16Filled,
  People20Regular,
  PlugConnected20Regular,
  Router20Regular,
  Server20Regular,
  ServerMultiple20Regular,
  ShieldError16Filled,
  Storage20Regular,
  SubtractCircle16Filled,
  ArrowSyncCircle16Filled,
  Warning16Filled,
} from '@fluentui/react-icons';
import type { ReactElement } from 'react';
import { useLocation } from 'wouter';
import type { Tone } from '../ui/tones.ts';
import { type BoxText, useBoxText } from './box-text.ts';
import type { BoxKind, Line } from './dependency-graph.ts';
import { BOX_HEIGHT, BOX_WIDTH, type Drawing, type PlacedBox } from './dependency-layout.ts';

const useStyles = makeStyles({
  box: {
    cursor: 'default',
    outlineStyle: 'none',
    ':focus-visible > rect:first-of-type': { stroke: tokens.colorStrokeFocus2, strokeWidth: '2.5px' },
  },
  link: { cursor: 'pointer', ':hover > rect:first-of-type': { fill: tokens.colorNeutralBackground1Hover } },
  why: { display: 'grid', gap: tokens.spacingVerticalXXS },
});

const ICONS: Record<BoxKind, ReactElement> = {
  vm: <Desktop20Regular />,
  disk: <HardDrive20Regular />,
  cdrom: <Cd16Filled />,
  nic: <PlugConnected20Regular />,
  volume: <Storage20Regular />,
  path: <Folder20Regular />,
  switch: <Router20Regular />,
  owners: <People20Regular />,
  node: <Server20Regular />,
  nodes: <ServerMultiple20Regular />,
};

const TONES: Record<Tone, { readonly icon: ReactElement; readonly color: string }> = {
  good: { icon: <CheckmarkCircle16Filled />, color: tokens.colorStatusSuccessForeground1 },
  busy: { icon: <ArrowSyncCircle16Filled />, color: tokens.colorBrandForeground1 },
  paused: { icon: <PauseCircle16Filled />, color: tokens.colorNeutralForeground3 },
  idle: { icon: <SubtractCircle16Filled />, color: tokens.colorNeutralForeground4 },
  warning: { icon: <Warning16Filled />, color: tokens.colorStatusWarningForeground1 },
  bad: { icon: <DismissCircle16Filled />, color: tokens.colorStatusDangerForeground1 },
  fenced: { icon: <ShieldError16Filled />, color: tokens.colorStatusDangerForeground1 },
};

const LINES: Record<Line['kind'], { readonly color: string; readonly width: number; readonly dash?: string }> = {
  needs: { color: tokens.colorNeutralForeground3, width: 1.5 },
  has: { color: tokens.colorNeutralStroke1, width: 1.5 },
  runs: { color: tokens.colorBrandStroke1, width: 2.5 },
  lacks: { color: tokens.colorStatusDangerForeground1, width: 1.5, dash: '5 4' },
};

/** Boxes and lines, to be put into an SVG. Colours are tokens only, so that an export can replace them. */
export function GraphDrawing({ drawing }: { readonly drawing: Drawing }) {
  const textOf = useBoxText();
  return (
    <g fontFamily={tokens.fontFamilyBase}>
      <defs>
        {Object.entries(LINES).map(([kind, { color }]) => (
          <marker
            key={kind}
            id={`dependency-${kind}`}
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="8"
            markerHeight="8"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M 0 0.5 L 8 4 L 0 7.5 z" fill={color} />
          </marker>
        ))}
      </defs>
      {drawing.lines.map(({ line, path, middle }) => {
        const { color, width, dash } = LINES[line.kind];
        return (
          <g key={`${line.from} ${line.to}`} aria-hidden>
            <path
              d={path}
              fill="none"
              stroke={color}
              strokeWidth={width}
              markerEnd={`url(#dependency-${line.kind})`}
              {...(dash !== undefined && { strokeDasharray: dash })}
            />
            {line.kind === 'lacks' && (
              <g transform={`translate(${middle.x - 8} ${middle.y - 8})`} color={color}>
                <circle cx="8" cy="8" r="8" fill={tokens.colorNeutralBackground1} />
                <DismissCircle16Filled />
              </g>
            )}
          </g>
        );
      })}
      {drawing.boxes.map((placed) => (
        <BoxDrawing key={placed.box.id} placed={placed} text={textOf(placed.box)} />
      ))}
    </g>
  );
}

/** Characters that fit beside the icon, at the two sizes of text. */
const NAME_ROOM = 19;
const DETAIL_ROOM = 27;

function BoxDrawing({ placed: { box, x, y }, text }: { readonly placed: PlacedBox; readonly text: BoxText }) {
  const styles = useStyles();
  const [, navigate] = useLocation();
  const { href } = box;
  const tone = box.tone === null ? null : TONES[box.tone];
  const detail = box.kind === 'owners' ? text.why.map((why) => why.text).join(' ') : text.detail;
  const name = cut(text.name, NAME_ROOM);
  const line = cut(detail === '' ? text.kind : detail, DETAIL_ROOM);
  // Begins as it is written, for those who speak to the page; what was too long for the box follows.
  const long = [text.name, detail, text.kind].filter((part) => part !== '' && part !== name && part !== line);
  const label = `${name} ${[line, ...long, ...text.why.map((why) => why.text)].join(', ')}`;
  const go = () => href !== null && navigate(href);
  return (
    <Tooltip relationship="description" positioning="above" withArrow content={<WhyText text={text} />}>
      <g
        transform={`translate(${x} ${y})`}
        className={href === null ? styles.box : `${styles.box} ${styles.link}`}
        tabIndex={0}
        role={href === null ? 'img' : 'link'}
        aria-label={label}
        onClick={go}
        onKeyDown={(event) => event.key === 'Enter' && go()}
      >
        <rect
          width={BOX_WIDTH}
          height={BOX_HEIGHT}
          rx="6"
          fill={tokens.colorNeutralBackground1}
          stroke={box.kind === 'vm' ? tokens.colorBrandStroke1 : tokens.colorNeutralStroke1}
          strokeWidth={box.kind === 'vm' ? 2 : 1}
        />
        {tone !== null && <rect x="0" y="8" width="4" height={BOX_HEIGHT - 16} rx="2" fill={tone.color} />}
        <g transform="translate(14 20)" color={tokens.colorNeutralForeground2}>
          {ICONS[box.kind]}
        </g>
        <text x="44" y="27" fontSize="14" fontWeight="600" fill={tokens.colorNeutralForeground1} aria-hidden>
          {name}
        </text>{' '}
        <text x="44" y="46" fontSize="12" fill={tokens.colorNeutralForeground3} aria-hidden>
          {line}
        </text>
        {tone !== null && (
          <g transform={`translate(${BOX_WIDTH - 24} 8)`} color={tone.color}>
            {tone.icon}
          </g>
        )}
      </g>
    </Tooltip>
  );
}

function WhyText({ text }: { readonly text: BoxText }) {
  const styles = useStyles();
  return (
    <div className={styles.why}>
      <strong>
        {text.kind}: {text.name}
      </strong>
      {text.detail !== '' && <span>{text.detail}</span>}
      {text.why.map((why) => (
        <span key={why.text} {...(why.english && { lang: 'en' })}>
          {why.text}
        </span>
      ))}
    </div>
  );
}

/** Both ends of a path or a name say something: the middle goes. */
function cut(text: string, room: number): string {
  if (text.length <= room) return text;
  const end = Math.floor((room - 1) / 3);
  return `${text.slice(0, room - 1 - end)}…${text.slice(-end)}`;
}
