# The documents: each configuration in them passes nginx -t, each command is run by tools/docs-test.sh or is listed in
# t/docs.rows with what is done instead, and no row of that table is about what is not there any more.

use strict;
use warnings;

use lib 't/lib';

use File::Copy ();
use File::Path ();
use File::Temp ();
use Test::More;
use VcitaCert ();
use VcitaDocs ();

my $Dir = File::Temp->newdir;
my $Nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $Load = $ENV{TEST_NGINX_LOAD_MODULES} ? "load_module $ENV{TEST_NGINX_LOAD_MODULES};" : '';
my $Cert = VcitaCert->get;


# Files of /etc/nginx and of elsewhere, made here: certificates by their names, else bytes.
sub files_of {
    my ($text) = @_;
    my $stem = qr{/(?:etc|var|usr/local)/(?!resolv\.conf)[\w./-]*\w};

    $text =~ s{/etc/ssl/certs/[\w.-]+}{$Cert->{ca}}g;
    $text =~ s{($stem)}{
        my ($path, $name) = ("$Dir$1", $1);
        my $copy = $name =~ /\.(?:crt|pem)$/ ? $Cert->{site} : $name =~ /\.key$/ ? $Cert->{site_key} : undef;
        if ($text =~ /\b(?:root|alias|_log)\s+\Q$name\E/) { $path }
        elsif ($text =~ /\bproxy_cache_path\s+\Q$name\E/) { File::Path::make_path($path); $path }
        else { put($path, $copy) }
    }gex;
    return $text;
}

sub put {
    my ($path, $copy) = @_;
    File::Path::make_path($path =~ s{/[^/]*$}{}r);
    if ($copy) {
        File::Copy::copy($copy, $path) or die "$path: $!\n";
    } else {
        open my $fh, '>', $path or die "$path: $!\n";
        print $fh map { chr 97 + rand 26 } 1 .. 48;
        close $fh;
    }
    chmod 0600, $path;
    return $path;
}


my $APPLICATION = <<'END';
vcita_oauth_client_id      app1;
vcita_oauth_client_secret  s3cret-0123456789abcdef-0123456789;
END
my $REDIRECT = "vcita_oauth_redirect_uri http://127.0.0.1/oauth/callback;\n";

my %IN = (
    main     => sub { $_[0] },
    http     => sub { "http {\n$_[1]$_[0]}\n" },
    server   => sub { "http {\n$_[1]server {\nlisten 127.0.0.1:1;\n$_[2]$_[0]}\n}\n" },
    location => sub { "http {\n$_[1]server {\nlisten 127.0.0.1:1;\n$_[2]location / {\n$_[0]}\n}\n}\n" },
);


# what nginx says of a block there; undef if it takes it
sub refused {
    my ($block, $where) = @_;
    my $text = files_of($block->{text});

    # "..." is what a reader knows to fill in, and hosts of examples have no address
    $text =~ s/^\s*\.\.\.\s*$//mg;
    $text =~ s/\.\.\.(?=\s*\})//g;
    $text =~ s{(rediss?://)[\w.-]+\.example\.com}{${1}127.0.0.1}g;

    my $application = $text =~ /vcita_oauth_client_id/ ? '' : $APPLICATION;
    my $redirect = $text =~ /vcita_oauth_redirect_uri/ ? '' : $REDIRECT;
    $application .= $redirect if $where eq 'http';
    my $conf = $IN{$where}->($text, $application, $redirect);

    $conf =~ s/^load_module modules\/ngx_http_vcita_oauth_module\.so;//m;
    $conf =~ s/\b(listen\s+)(?=\d)/${1}127.0.0.1:/g;
    $conf =~ s/127\.0\.0\.1:127\.0\.0\.1:/127.0.0.1:/g;
    $conf =~ s/^http \{\n/http {\n    access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n/m;
    $conf =~ s/^(?=http \{)/events {}\n/m if $conf !~ /^events/m;

    # servers of examples show one thing, and leave out their certificates
    $conf =~ s/(listen\s+\S+ ssl;)/$1 ssl_certificate $Cert->{site}; ssl_certificate_key $Cert->{site_key};/g
        if $conf !~ /\bssl_certificate\b/;

    open my $fh, '>', "$Dir/nginx.conf" or die "nginx.conf: $!\n";
    print $fh "$Load\npid nginx.pid;\nerror_log /dev/null;\n$conf";
    close $fh;
    my $out = `$Nginx -t -p $Dir/ -c $Dir/nginx.conf -e /dev/null 2>&1`;
    return $? || $out =~ /\[(?:error|emerg|alert|crit)\]/ ? "in $where: $out" : undef;
}


my ($blocks, $commands) = (0, 0);

for my $file (VcitaDocs::documents()) {
    for my $b (VcitaDocs::blocks($file)) {
        if ($b->{kind} eq 'sh') {
            VcitaDocs::row($_), $commands++ for VcitaDocs::commands($b);
        }
        next if $b->{language} ne 'nginx' || $b->{kind} eq 'text';

        $blocks++;
        my ($told) = VcitaDocs::said(VcitaDocs::row($b), 'context');
        my @guess = $told // ($b->{text} =~ /^http \{/m ? 'main' : qw( http server location ));
        my @why;
        for my $where (@guess) {
            my $why = refused($b, $where) // do { @why = (); last };
            push @why, $why;
        }
        ok !@why, "$b->{file}:$b->{line}: passes nginx -t" or diag @why;
    }
    VcitaDocs::row({ file => $file, text => 'end' });
}

cmp_ok $blocks, '>=', 10, "configurations: $blocks";
cmp_ok $commands, '>=', 12, "commands: $commands";

for my $row (VcitaDocs::rows()) {
    ok $row->{used}, "t/docs.rows:$row->{line}: $row->{file} has \"$row->{begins}\"";
    ok @{ $row->{how} } && !grep({ $_->[1] !~ ($_->[0] =~ /^(?:elsewhere|whole|text)$/ ? qr/\w.*\w/ : qr/\S/) } @{ $row->{how} }), "t/docs.rows:$row->{line}: says what is done";
}

done_testing();
