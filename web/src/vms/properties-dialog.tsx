import {
  Checkbox,
  Dropdown,
  Field,
  Input,
  makeStyles,
  Option,
  Switch,
  Tab,
  TabList,
  tokens,
} from '@fluentui/react-components';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { PRIORITIES } from '../../../src/model/availability.ts';
import { changeVm, type VmView } from '../../../src/contract/vms.ts';
import { useNodes, useVm } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';
import { FormDialog } from '../ui/form-dialog.tsx';
import { useRun } from '../ui/use-run.tsx';
import { WholeNumberField } from '../ui/whole-number.tsx';
import { BUDGET_MS_MAX, budgetsFit } from './budget-draft.ts';
import { differences, type PropertiesDraft as Draft, propertiesOf } from './properties-draft.ts';
import { WideningFields } from './widening-fields.tsx';

const useStyles = makeStyles({
  tab: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM, minHeight: '22rem' },
  row: { display: 'flex', flexWrap: 'wrap', gap: tokens.spacingHorizontalM },
});

type Page = 'general' | 'failover' | 'migration';

/** How a VM is brought back, and where it may and should be. */
export function PropertiesDialog({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const vm = useVm(name);
  return vm === undefined ? null : <Properties vm={vm} onClose={onClose} />;
}

function Properties({ vm, onClose }: { readonly vm: VmView; readonly onClose: () => void }) {
  const styles = useStyles();
  const { t } = useTranslation(['vms', 'actions']);
  const client = useClient();
  const run = useRun();
  const [page, setPage] = useState<Page>('general');
  // As it was when the dialog opened: what others have changed meanwhile is not changed back.
  const [before] = useState(() => propertiesOf(vm));
  const [draft, setDraft] = useState(before);
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const apply = () => {
    onClose();
    const body = differences(before, draft);
    if (Object.keys(body).length === 0) return;
    void run({
      what: t('actions:doing.settings', { name: vm.name }),
      call: () => client.call(changeVm, { params: { name: vm.name }, body }),
      done: () => t('actions:done.settings', { name: vm.name }),
    });
  };
  const tabs: readonly Page[] = ['general', 'failover', 'migration'];
  return (
    <FormDialog
      title={t('vms:properties.title', { name: vm.name })}
      ready={budgetsFit(draft)}
      onApply={apply}
      onClose={onClose}
    >
      <TabList selectedValue={page} onTabSelect={(_event, { value }) => setPage(value as Page)}>
        {tabs.map((tab) => (
          <Tab key={tab} value={tab}>
            {t(`vms:properties.${tab}`)}
          </Tab>
        ))}
      </TabList>
      <div className={styles.tab}>
        {page === 'general' && <GeneralTab draft={draft} change={change} />}
        {page === 'failover' && <FailoverTab draft={draft} change={change} />}
        {page === 'migration' && <MigrationTab draft={draft} change={change} />}
      </div>
    </FormDialog>
  );
}

interface TabProps {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
}

function GeneralTab({ draft, change }: TabProps) {
  const { t } = useTranslation(['vms', 'ui']);
  const nodes = useNodes()
    .filter(({ role }) => role === 'node')
    .map(({ name }) => name);
  return (
    <>
      <Field label={t('vms:properties.priority')}>
        <Dropdown
          value={t(`ui:priorities.${draft.priority}`)}
          selectedOptions={[draft.priority]}
          onOptionSelect={(_event, { optionValue }) =>
            change({ priority: PRIORITIES.find((priority) => priority === optionValue) ?? draft.priority })
          }
        >
          {PRIORITIES.map((priority) => (
            <Option key={priority} value={priority}>
              {t(`ui:priorities.${priority}`)}
            </Option>
          ))}
        </Dropdown>
      </Field>
      <Owners
        label={t('vms:properties.preferred')}
        nodes={nodes}
        chosen={draft.preferredOwners}
        onChoose={(preferredOwners) => change({ preferredOwners })}
      />
      <Owners
        label={t('vms:properties.possible')}
        nodes={nodes}
        chosen={draft.possibleOwners}
        onChoose={(possibleOwners) => change({ possibleOwners })}
      />
      <Field label={t('vms:properties.antiAffinity')} hint={t('vms:properties.antiAffinityHint')}>
        <Input
          defaultValue={draft.antiAffinity.join(', ')}
          onChange={(_event, { value }) =>
            change({
              antiAffinity: value
                .split(',')
                .map((group) => group.trim())
                .filter((group) => group !== ''),
            })
          }
        />
      </Field>
      <Switch
        label={t('vms:properties.automaticStart')}
        checked={draft.automaticStart}
        onChange={(_event, { checked }) => change({ automaticStart: checked })}
      />
    </>
  );
}

/** In the order in which they are chosen. */
function Owners(props: {
  readonly label: string;
  readonly nodes: readonly string[];
  readonly chosen: readonly string[];
  readonly onChoose: (chosen: readonly string[]) => void;
}) {
  const { label, nodes, chosen, onChoose } = props;
  const { t } = useTranslation('ui');
  return (
    <Field label={label}>
      <Dropdown
        multiselect
        value={chosen.join(', ')}
        placeholder={t('none')}
        selectedOptions={[...chosen]}
        onOptionSelect={(_event, { selectedOptions }) => onChoose(selectedOptions)}
      >
        {nodes.map((node) => (
          <Option key={node} value={node}>
            {node}
          </Option>
        ))}
      </Dropdown>
    </Field>
  );
}

function FailoverTab({ draft, change }: TabProps) {
  const styles = useStyles();
  const { t } = useTranslation('vms');
  const { failback, restart } = draft;
  const window = failback.window;
  const changeWindow = (part: Partial<NonNullable<typeof window>>) =>
    change({ failback: { ...failback, window: { fromHour: 22, toHour: 6, ...window, ...part } } });
  return (
    <>
      <Checkbox
        label={t('properties.highlyAvailable')}
        checked={draft.highlyAvailable}
        onChange={(_event, { checked }) => change({ highlyAvailable: checked === true })}
      />
      <Switch
        label={t('properties.failback')}
        checked={failback.enabled}
        onChange={(_event, { checked }) => change({ failback: { ...failback, enabled: checked } })}
      />
      {failback.enabled && (
        <Checkbox
          label={t('properties.failbackAnytime')}
          checked={window === null}
          onChange={(_event, { checked }) =>
            checked === true ? change({ failback: { ...failback, window: null } }) : changeWindow({})
          }
        />
      )}
      {failback.enabled && window !== null && (
        <div className={styles.row}>
          <WholeNumberField
            min={0}
            label={t('properties.failbackFrom')}
            value={window.fromHour}
            max={24}
            onChange={(fromHour) => changeWindow({ fromHour })}
          />
          <WholeNumberField
            min={0}
            label={t('properties.failbackTo')}
            value={window.toHour}
            max={24}
            onChange={(toHour) => changeWindow({ toHour })}
          />
        </div>
      )}
      <WholeNumberField
        min={0}
        label={t('properties.restartHere')}
        value={restart.here}
        max={10}
        onChange={(here) => change({ restart: { ...restart, here } })}
      />
      <WholeNumberField
        min={0}
        label={t('properties.restartElsewhere')}
        value={restart.elsewhere}
        max={10}
        onChange={(elsewhere) => change({ restart: { ...restart, elsewhere } })}
      />
    </>
  );
}

function MigrationTab({ draft, change }: TabProps) {
  const { t } = useTranslation('vms');
  return (
    <>
      <WholeNumberField
        label={t('properties.budget')}
        hint={t('properties.budgetHint')}
        value={draft.budgetMs}
        min={1}
        max={BUDGET_MS_MAX}
        step={10}
        onChange={(budgetMs) => change({ budgetMs })}
      />
      <WideningFields
        label={t('properties.widens')}
        hint={t('properties.widensHint')}
        budgets={draft}
        onChange={(budgetMaxMs) => change({ budgetMaxMs })}
      />
    </>
  );
}
