ARG BASE
FROM ${BASE}
COPY prometheus /bin/
RUN install -d -o nobody -g nogroup /prometheus && mkdir /etc/prometheus
USER nobody
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
