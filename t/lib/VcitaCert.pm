# VcitaCert - a throw-away CA and certificates (EC keys), made by the openssl command line, once per
# process, in a private temporary folder that leaves with the process.
#
#   my $c = VcitaCert->get;   # hash of file names:
#   ca         the CA                     ca_other   another CA, which signed nothing here
#   stub, stub_key    for localhost only (so https://127.0.0.1 is a wrong host)
#   site, site_key    for nginx's own servers: localhost, 127.0.0.1, *.example.com, and
#                     api.vcita.biz
#   VcitaCert->for_names('portal.example.org', '*.example.org')   # one more, by the same CA: (file, key file)
package VcitaCert;

use strict;
use warnings;

use File::Temp ();

my ($Made, $Owner);


sub get {
    return $Made if $Made && $Owner == $$;

    my $dir = File::Temp->newdir('vcita-cert-' . 'X' x 6, TMPDIR => 1);
    my $d   = "$dir";
    $Made  = { dir => $dir };
    $Owner = $$;

    for my $ca (qw( ca ca_other )) {
        _openssl(qw( req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3 ),
            '-subj', "/CN=vcita test $ca $$", '-keyout', "$d/$ca.key", '-out', "$d/$ca.pem",
            '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
        $Made->{$ca} = "$d/$ca.pem";
    }
    _leaf($d, 'stub', 'DNS:localhost');
    _leaf($d, 'site', 'DNS:localhost,IP:127.0.0.1,DNS:example.com,DNS:*.example.com,DNS:api.vcita.biz');

    return $Made;
}


sub for_names {
    my ($class, @names) = @_;
    my $made = $class->get;
    my $name = 'names' . keys %$made;

    _leaf($made->{dir}, $name, join ',', map { /^[\d.]+$/ ? "IP:$_" : "DNS:$_" } @names);
    return @$made{ $name, "${name}_key" };
}


sub _leaf {
    my ($d, $name, $san) = @_;

    open my $ext, '>', "$d/$name.ext" or die "$d/$name.ext: $!";
    print $ext "subjectAltName=$san\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n";
    close $ext;

    _openssl(qw( req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes ),
        '-subj', "/CN=$name", '-keyout', "$d/$name.key", '-out', "$d/$name.csr");
    _openssl(qw( x509 -req -days 3 -CAcreateserial ), '-in', "$d/$name.csr", '-CA', "$d/ca.pem",
        '-CAkey', "$d/ca.key", '-extfile', "$d/$name.ext", '-out', "$d/$name.pem");

    $Made->{$name} = "$d/$name.pem";
    $Made->{"${name}_key"} = "$d/$name.key";
}


sub _openssl {
    my @cmd = @_;
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        open STDIN, '<', '/dev/null';
        delete local @ENV{qw( LD_PRELOAD OPENSSL_CONF )};
        exec 'openssl', @cmd or POSIX::_exit(127);
    }
    my $text = do { local $/; <$out> };
    close $out or die "openssl $cmd[0] failed: $text";
}


1;
