ARG BASE
FROM ${BASE}
ADD files.tar /
RUN echo "postgres:x:999:999::/:/bin/false" >>/etc/passwd \
    && install -d -o 999 -g 999 /var/lib/postgresql/data
COPY postgres.sh /usr/local/bin/
ENV PATH=BINARIES:/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data
USER postgres
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/usr/local/bin/postgres.sh"]
