import {
  ArrowCounterclockwiseRegular,
  ArrowSwapRegular,
  DeleteRegular,
  DismissCircleRegular,
  DesktopArrowRightRegular,
  DocumentSearchRegular,
  FlowchartRegular,
  PauseRegular,
  PlayCircleRegular,
  PlayRegular,
  PlugDisconnectedRegular,
  PowerRegular,
  SettingsRegular,
  TextBulletListSquareRegular,
  TimerOffRegular,
  TimerRegular,
} from '@fluentui/react-icons';
import type { ReactElement } from 'react';
import type { VmActionId } from './vm-obstacles.ts';

export const actionIcons: Record<VmActionId, ReactElement> = {
  connect: <DesktopArrowRightRegular />,
  start: <PlayRegular />,
  'shut-down': <PowerRegular />,
  'turn-off': <PlugDisconnectedRegular />,
  pause: <PauseRegular />,
  resume: <PlayCircleRegular />,
  reset: <ArrowCounterclockwiseRegular />,
  'live-migrate': <ArrowSwapRegular />,
  'cancel-migration': <DismissCircleRegular />,
  settings: <SettingsRegular />,
  'critical-events': <DocumentSearchRegular />,
  'automatic-start-on': <TimerRegular />,
  'automatic-start-off': <TimerOffRegular />,
  'dependency-report': <FlowchartRegular />,
  delete: <DeleteRegular />,
  properties: <TextBulletListSquareRegular />,
};
