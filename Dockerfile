# The gateway with the CPU engine. For a GPU, change `--gpu off` and build on an image that has the driver's libraries.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY packaging packaging
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build \
 && npm prune --omit=dev --ignore-scripts \
 && node bin/rightsize.js engine install --gpu off --data-dir /engine

FROM node:24-bookworm-slim
ENV NODE_ENV=production RIGHTSIZE_HOST=0.0.0.0 RIGHTSIZE_DATA_DIR=/data RIGHTSIZE_ENGINE_DIR=/app/engine
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/bin bin
COPY --from=build /app/demo demo
COPY --from=build /app/models models
COPY --from=build /app/package.json /app/routes.yaml ./
COPY --from=build /engine/engine engine
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8787
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8787/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "bin/rightsize.js", "serve"]
