#!/usr/bin/env bash
#
# tools/docker-test.sh: the Dockerfile, as far as it can be tried without Docker
# and without nginx's images: buildah builds it, on a clean Debian with an nginx
# that was configured as the one of the images is.  What comes out runs: on the
# official image, on nginx-unprivileged, and that one once more as a pod of
# examples/kubernetes, with a root file system that cannot be written.
#
# That Debian is the release of this machine, and nginx the version of it; in the
# place of the download from nginx.org stand the sources it was built of.  Needs
# root.  The last line is `N passed, M failed`.
#
#   TEST_PORT  where nginx listens on 127.0.0.1 meanwhile (18080), and the next

set -euo pipefail

# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/chroot.sh
. "$(dirname "$0")/chroot.sh"

out=$root/build/docker
port=${TEST_PORT:-18080}

# what nginx -V of the image says, but for --with-http_v3_module, where this
# nginx is older than it
image_arguments=(
    --prefix=/etc/nginx --sbin-path=/usr/sbin/nginx
    --modules-path=/usr/lib/nginx/modules --conf-path=/etc/nginx/nginx.conf
    --error-log-path=/var/log/nginx/error.log
    --http-log-path=/var/log/nginx/access.log --pid-path=/run/nginx.pid
    --lock-path=/run/nginx.lock
    --http-client-body-temp-path=/var/cache/nginx/client_temp
    --http-proxy-temp-path=/var/cache/nginx/proxy_temp
    --http-fastcgi-temp-path=/var/cache/nginx/fastcgi_temp
    --http-uwsgi-temp-path=/var/cache/nginx/uwsgi_temp
    --http-scgi-temp-path=/var/cache/nginx/scgi_temp --user=nginx --group=nginx
    --with-compat --with-file-aio --with-threads --with-http_addition_module
    --with-http_auth_request_module --with-http_dav_module
    --with-http_flv_module --with-http_gunzip_module
    --with-http_gzip_static_module --with-http_mp4_module
    --with-http_random_index_module --with-http_realip_module
    --with-http_secure_link_module --with-http_slice_module
    --with-http_ssl_module --with-http_stub_status_module
    --with-http_sub_module --with-http_v2_module --with-mail
    --with-mail_ssl_module --with-stream --with-stream_realip_module
    --with-stream_ssl_module --with-stream_ssl_preread_module
    "--with-cc-opt=-g -O2 -fstack-protector-strong -Wformat -Werror=format-security -Wp,-D_FORTIFY_SOURCE=2 -fPIC"
    "--with-ld-opt=-Wl,-z,relro -Wl,-z,now -Wl,--as-needed -pie")


buildah() { command buildah --root "$out/storage" --runroot "$out/run" \
                            --storage-driver vfs "$@"; }


# the nginx of the image, in folder $1
install_nginx() {
    local dir=$1

    tar -C "$out/source" --transform "s,^\.,nginx-$version," -czf \
        "$dir/nginx.tar.gz" .
    cd "$out/source"
    "$(configure_of .)" "${image_arguments[@]}"
    make -j "$jobs"
    make install DESTDIR="$dir"
    cd "$root"
}


# what else the images have, as far as the Dockerfile or the gate come across it
furnish() {
    local dir=$1

    ln -sfn /usr/lib/nginx/modules "$dir/etc/nginx/modules"
    mkdir -p "$dir/var/cache/nginx" "$dir/etc/nginx/conf.d" "$dir/usr/local/bin" \
             "$dir/var/log/nginx"
    ln -sf /dev/stdout "$dir/var/log/nginx/access.log"
    ln -sf /dev/stderr "$dir/var/log/nginx/error.log"

    cat > "$dir/etc/nginx/nginx.conf" << 'END'
user  nginx;
worker_processes  auto;
error_log  /var/log/nginx/error.log notice;
pid  /run/nginx.pid;

events {
    worker_connections  1024;
}

http {
    include  /etc/nginx/mime.types;
    include  /etc/nginx/conf.d/*.conf;
}
END

    # there is no way to nginx.org: the one address that it may be asked for
    cat > "$dir/usr/local/bin/curl" << END
#!/bin/bash
[[ "\${*: -1}" == *nginx.org* ]] || exec /usr/bin/curl "\$@"
[ "\${*: -1}" = https://nginx.org/download/nginx-$version.tar.gz ] \\
    && [[ " \$* " == *" -o /nginx.tar.gz "* ]] && [ -f /nginx.tar.gz ]
END
    chmod +x "$dir/usr/local/bin/curl"

    ( inside "$dir" DEBIAN_FRONTEND=noninteractive sh -ec '
          groupadd --system --gid 101 nginx
          useradd --system --uid 101 --gid nginx --no-create-home \
                  --shell /bin/false nginx
          apt-get -q update
          apt-get -q install -y --no-install-recommends \
                  libpcre2-8-0 libssl3 zlib1g
          nginx -t' )
}


# commit CONTAINER USER IMAGE
commit() {
    buildah config --user "$2" --env NGINX_VERSION="$version" \
        --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        --cmd '["nginx", "-g", "daemon off;"]' "$1"
    buildah commit -q --rm "$1" "docker.io/$3:as-the-image"
}


# what nginx's images are to the Dockerfile; the second is made of the first by
# what the Dockerfile of nginx-unprivileged does
make_bases() {
    local container dir

    install_nginx "$out/root"
    furnish "$out/root"

    container=$(buildah from scratch)
    buildah copy -q "$container" "$out/root" /
    rm -rf --one-file-system "$out/root"
    commit "$container" root library/nginx

    container=$(buildah from --pull-never docker.io/library/nginx:as-the-image)
    dir=$(buildah mount "$container")
    sed -i -e '/^user  nginx;/d' -e 's,/run/nginx.pid,/tmp/nginx.pid,' \
           -e '/^http {/a \    proxy_temp_path /tmp/proxy_temp;\n    client_body_temp_path /tmp/client_temp;\n    fastcgi_temp_path /tmp/fastcgi_temp;\n    uwsgi_temp_path /tmp/uwsgi_temp;\n    scgi_temp_path /tmp/scgi_temp;\n' \
        "$dir/etc/nginx/nginx.conf"
    chown -R 101:0 "$dir/var/cache/nginx" "$dir/etc/nginx"
    chmod -R g+w "$dir/var/cache/nginx" "$dir/etc/nginx"
    commit "$container" 101 nginxinc/nginx-unprivileged
}


# build IMAGE OPTION...: localhost/gated
build() {
    local image=$1; shift

    buildah bud --isolation chroot --network host --pull-never --layers=false \
            --format docker --build-arg NGINX_TAG=as-the-image \
            --build-arg NGINX_IMAGE="$image" -t gated "$@" "$root"
}


# of the image that was built: User, Env ..., of Healthcheck the command
said() {
    buildah inspect --type image localhost/gated | perl -MJSON::PP -e '
        local $/;
        my $said = decode_json(<STDIN>)->{Docker}{config}{$ARGV[0]};
        $said = $said->{Test}[-1] if ref $said eq "HASH";
        print "$_\n" for ref $said ? @$said : $said' "$1"
}


# answer URL OPTION...: its status, and where it leads
answer() {
    curl -s -o /dev/null -w '%{http_code} %{redirect_url}\n' --noproxy '*' \
         --retry 20 --retry-connrefused --retry-delay 1 --retry-max-time 10 "$@"
}

# login URL OPTION...: is it answered by a redirect to vcita?
login() { answer "$@" | grep '^302 https://app\.vcita\.com/app/oauth/authorize?'; }


write_site() {
    cat > "$1/etc/nginx/conf.d/portal.conf" << END
server {
    listen  127.0.0.1:$port;

    vcita_oauth_client_id      e0faca0a2bca52368adfd0ac6035c7a5;
    vcita_oauth_client_secret  not-a-secret;
    vcita_oauth_redirect_uri   http://127.0.0.1:$port/oauth/callback;
    vcita_oauth                on;
}
END

    # the port of the health check, which is the machine's here
    sed -i "s/:8090;/:$((port + 1));/" "$1/etc/nginx/conf.d/health.conf"
}


# what kubelet mounts: the ConfigMap, the Secret, as the Deployment says
write_pod() {
    local dir=$1 vcita=$1/etc/nginx/vcita

    perl -ne 'if ($in && (s/^ {4}// || /^$/)) { print; next }
              $in = $_ eq "  nginx.conf: |\n"' \
        "$root/examples/kubernetes/gate.yml" > "$dir/etc/nginx/nginx.conf"
    sed -i "s/listen\( *\)8080/listen\1127.0.0.1:$port/" "$dir/etc/nginx/nginx.conf"

    mkdir -p "$vcita"
    echo "not-a-secret" > "$vcita/client_secret"
    head -c 48 /dev/urandom > "$vcita/session_key"
    chown root:101 "$vcita"/*
    chmod 440 "$vcita"/*
    echo "127.0.0.1 portal-app" >> "$dir/etc/hosts"
}


# as_user USER COMMAND...: root's capabilities go with it, for good
as_user() (
    user=$1; shift

    [ "$user" = root ] || set -- setpriv "--reuid=$user" "--regid=$user" \
        --clear-groups --bounding-set=-all --no-new-privs "$@"
    inside "$dir" HEALTH_URL="http://127.0.0.1:$((port + 1))/" "$@"
)


# read_only COMMAND...: with a root file system that is, but for /tmp
read_only() (
    export -f as_user inside
    export dir port

    # shellcheck disable=SC2016
    exec unshare --mount --propagation private bash -ec '
        mount --bind "$dir" "$dir"
        mount -t tmpfs -o mode=1777 tmp "$dir/tmp"
        mount -o remount,bind,ro "$dir"
        "$@"' bash "$@"
)


# start LOG COMMAND...: nginx in the background, whose output is its user's
start() {
    log=$1; shift

    : > "$log"
    chown 101 "$log"
    set -m
    ( "$@" ) >> "$log" 2>&1 & pid=$!
    set +m
}

stop() {
    if kill -KILL -- "-$pid"; then wait "$pid" || true; fi
    pid='' log=
} 2>/dev/null


# check WHAT COMMAND...
check() {
    local what=$1 status=0; shift

    "$@" > "$out/check.log" 2>&1 || status=$?

    if [ "$status" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$what"
        cat "$out/check.log"
        [ -z "$log" ] || tail -n 20 "$log"
    fi
}

not() { ! "$@"; }

healthy() { as_user "$1" sh -c "$(said Healthcheck)"; }


# the user of the master process, which is the only nginx with that port's site
runs_as() {
    local master

    master=$(pgrep -g "$pid" -f "nginx: master") || return
    [ "$(stat -c %u "/proc/$master")" = "$1" ]
}

stripped() {
    readelf -S "$dir/usr/lib/nginx/modules/ngx_http_vcita_oauth_module.so" \
        > "$out/sections" && ! grep -F .symtab "$out/sections"
}


# refuses IMAGE OPTION...: does the Dockerfile say that user and image do not fit?
refuses() {
    ! build "$@" > "$out/refused.log" 2>&1 \
        && grep "does not fit this NGINX_IMAGE" "$out/refused.log"
}


# try_image IMAGE USER: the Dockerfile on that image, and what comes out runs
try_image() {
    local image=$1 user=$2 uid=$2

    [ "$user" != root ] || uid=0

    say "building the Dockerfile on $image"
    log=$out/build.log
    build "$image" --build-arg NGINX_USER="$user" > "$log" 2>&1
    log=

    dir=$(buildah mount "$(buildah from --pull-never localhost/gated)")
    write_site "$dir"

    check "$image: USER" [ "$(said User)" = "$user" ]
    check "$image: SIGQUIT" [ "$(said StopSignal)" = SIGQUIT ]
    check "$image: HEALTH_URL" grep -qx 'HEALTH_URL=http://127.0.0.1:8090/' \
        <(said Env)
    check "$image: no symbols" stripped
    check "$image: unhealthy before it runs" not healthy "$user"

    start "$out/run.log" as_user "$user" nginx -g "daemon off;"
    check "$image: a login" login "http://127.0.0.1:$port/"
    check "$image: healthy" healthy "$user"
    check "$image: as $user" runs_as "$uid"
    stop
}


# looks COMMAND...: does preflight read the configuration?  vcita is not asked to
# be well, and may be out of reach.
looks() { grep "ok .*nginx -t" <("$@" 2>&1); }

cannot_write() {
    grep "Read-only file system" <(read_only as_user 101 touch "$1" 2>&1)
}


# the image of the last try, as examples/kubernetes would run it
try_pod() {
    local portal="Host: portal.example.com"

    say "running examples/kubernetes"
    write_pod "$dir"

    check "pod: nothing can be written" cannot_write /var/cache/nginx/x
    start "$out/pod.log" read_only as_user 101 nginx -g "daemon off;"
    check "pod: a login" login "http://127.0.0.1:$port/" -H "$portal"
    check "pod: the probe" grep -x '200 ' <(answer "http://127.0.0.1:$port/healthz")
    check "pod: as 101" runs_as 101
    check "pod: preflight looks" looks read_only as_user 101 \
        vcita-oauth-preflight --behind-proxy --not-running --timeout 2
    stop
}


[ "$(id -u)" = 0 ] || die "a clean Debian needs root"

# a step's output is in its log, of which the end is shown if it fails
ended() {
    local status=$?

    if [ -n "$pid" ]; then
        kill -KILL -- "-$pid" && wait "$pid"
    fi 2>/dev/null || true

    [ "$status" = 0 ] || [ -z "$log" ] || tail -n 30 "$log" >&2
    rm -rf --one-file-system "$out/storage" "$out/run" "$out/root"
}


pid='' log='' dir='' passed=0 failed=0
trap ended EXIT

version=$(binary_version)
rm -rf --one-file-system "$out"
mkdir -p "$out/source"
clean_debian "$out/root"
nginx_source "$version" "$out/source" "$out/fetch.log"

say "making what stands in for nginx's images"
log=$out/base.log
make_bases > "$log" 2>&1
log=

check "nginx as 101 is refused" refuses nginx --build-arg NGINX_USER=101
check "nginx-unprivileged as root is refused" refuses nginxinc/nginx-unprivileged
try_image nginx root
try_image nginxinc/nginx-unprivileged 101
try_pod

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
