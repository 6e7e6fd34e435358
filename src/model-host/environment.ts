/** By exact name: what any program needs to find its files, its language and its way to the network. */
const NAMES = new Set([
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TZ', 'LANG', 'LANGUAGE', 'TMPDIR', 'TMP', 'TEMP', 'XDG_CACHE_HOME'],
  ...['XDG_RUNTIME_DIR', 'LD_LIBRARY_PATH', 'LD_PRELOAD', 'NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'NODE_OPTIONS'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'],
  ...['OMP_NUM_THREADS', 'ROCM_PATH', 'DISPLAY', 'HF_TOKEN', 'HF_ENDPOINT', 'HF_HOME'],
  // Windows; its names have no case.
  ...['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'COMSPEC', 'PATHEXT', 'APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA'],
  ...['PROGRAMFILES', 'USERPROFILE', 'USERNAME', 'NUMBER_OF_PROCESSORS', 'PROCESSOR_ARCHITECTURE'],
  // npm, which installs the engine; the keys of private registries stay in its own files.
  ...['REGISTRY', 'PROXY', 'HTTPS_PROXY', 'NOPROXY', 'CAFILE', 'STRICT_SSL', 'USERCONFIG', 'GLOBALCONFIG', 'CACHE']
    .concat('OFFLINE', 'PREFIX')
    .map((name) => `NPM_CONFIG_${name}`),
]);
/** By their beginning: locale, the engine's own, the accelerators' and ours. */
const PREFIXES =
  /^(LC_|DYLD_|GGML_|LLAMA_|CUDA_|NVIDIA_|VK_|VULKAN_|HIP_|ROCR_|HSA_|MTL_|METAL_|NODE_LLAMA_CPP_|RIGHTSIZE_)/;
/** Of ours: what clients, operators and other servers prove themselves with. */
const SECRETS = /^RIGHTSIZE_.*(KEY|TOKEN|SECRET|PASSWORD|DSN|URL)(_FILE)?$/;

/**
 * What of the gateway's environment the model host may see. An allow-list: the keys of cloud providers, of clients and
 * of databases never reach the process that runs native code on files from the internet. `HF_TOKEN` does, to download.
 */
export const hostEnvironment = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => isAllowed(name.toUpperCase())));

const isAllowed = (name: string): boolean => (NAMES.has(name) || PREFIXES.test(name)) && !SECRETS.test(name);
