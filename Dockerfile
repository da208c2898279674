# The image of every role: operator, broker, zookeeper. Build: docker build -t hikube-kafka:0.1.0 .
ARG BASE=node:24-bookworm-slim
FROM ${BASE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-fund --no-audit
COPY . .
RUN npm run build && npm prune --omit=dev --no-fund --no-audit

FROM ${BASE}
WORKDIR /opt/hikube-kafka
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
RUN ln -s /opt/hikube-kafka/dist/main.js /usr/local/bin/hikube-kafka
# Any user will do: nothing is written outside the volumes.
USER 1000:1000
ENV NODE_ENV=production
ENTRYPOINT ["hikube-kafka"]
