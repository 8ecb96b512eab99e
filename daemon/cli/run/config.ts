/** `mimeo config …`: what a daemon started now would use. It asks no daemon; one that runs may have been started otherwise. */
import { UserError } from '../../../client/index.ts';
import type { Config } from '../../config/load.ts';
import { nearest } from '../../config/nearest.ts';
import { isSettingName, settingNames, settings, type SettingName } from '../../config/settings.ts';
import type { Invocation } from '../invocation.ts';
import { plain, printJson, printLine, table } from '../io.ts';

export async function list(call: Invocation): Promise<number> {
  const config = call.config();
  if (call.flag('json')) {
    printJson(
      call.io,
      settingNames.map((name) => ({ name, value: shown(config, name), origin: config.origins[name] })),
    );
  } else {
    printLine(
      call.io,
      table(settingNames.map((name) => [name, plain(shown(config, name)), config.origins[name]])),
    );
  }
  return 0;
}

export async function get(call: Invocation): Promise<number> {
  const name = call.operand(0);
  if (!isSettingName(name)) {
    const meant = nearest(name, settingNames);
    throw new UserError(
      'usage',
      `no setting ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    );
  }
  printLine(call.io, shown(call.config(), name));
  return 0;
}

export async function path(call: Invocation): Promise<number> {
  printLine(call.io, call.places.configFile);
  return 0;
}

function shown(config: Config, name: SettingName): string {
  // The table relates a name to its value's type; TypeScript loses that for a union of names.
  const show = settings[name].show as (value: unknown) => string;
  return show(config.settings[name]);
}
