/** What a management controller writes to the power switch of its node (chassis-control.sh), as the last byte. */
export const POWER_OFF = '0';
export const POWER_ON = '1';
export const POWER_RESET = '2';
