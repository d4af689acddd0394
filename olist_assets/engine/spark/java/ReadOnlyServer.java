/* Spark's Thrift server with a password and without the settings of its clients. Janino compiles this file as the server
 * starts; it knows neither lambdas nor inferred type arguments. */
package olist;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Map;
import javax.security.sasl.AuthenticationException;
import org.apache.hive.service.CompositeService;
import org.apache.hive.service.auth.PasswdAuthenticationProvider;
import org.apache.hive.service.cli.thrift.ThriftBinaryCLIService;
import org.apache.hive.service.rpc.thrift.TExecuteStatementReq;
import org.apache.hive.service.rpc.thrift.TExecuteStatementResp;
import org.apache.hive.service.rpc.thrift.TOpenSessionReq;
import org.apache.hive.service.rpc.thrift.TOpenSessionResp;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.hive.HiveUtils$;
import org.apache.spark.sql.hive.thriftserver.HiveThriftServer2;
import org.apache.spark.sql.hive.thriftserver.SparkSQLCLIService;
import org.apache.spark.sql.hive.thriftserver.ui.HiveThriftServer2EventManager;
import org.apache.thrift.TException;

/** What HiveThriftServer2 is, with a service of ours in it. */
public class ReadOnlyServer extends CompositeService {
  private ReadOnlyServer(SparkSession session) {
    super("ReadOnlyServer");
    SparkSQLCLIService service = new SparkSQLCLIService(new HiveThriftServer2(session), session);
    addService(service);
    addService(new ReadOnlyService(service));
  }

  /** A session whose statements the read-only parser checks, as those of all sessions made from it. */
  public static SparkSession session(SparkContext context, Map settings) {
    return SparkSession.builder().sparkContext(context).config(settings).withExtensions(new Extensions()).getOrCreate();
  }

  public static void serve(SparkSession session, String password) {
    Password.set(password);
    SparkContext context = session.sparkContext();
    HiveThriftServer2.eventManager_$eq(new HiveThriftServer2EventManager(context));
    ReadOnlyServer server = new ReadOnlyServer(session);
    server.init(HiveUtils$.MODULE$.newClientForExecution(context.conf(), session.sessionState().newHadoopConf()).conf());
    server.start();
  }
}

/** Accepts any user name with the password. */
public class Password implements PasswdAuthenticationProvider {
  private static byte[] password = null;

  static void set(String text) {
    password = text.getBytes(StandardCharsets.UTF_8);
  }

  public void Authenticate(String user, String given) throws AuthenticationException {
    if (given == null || !MessageDigest.isEqual(password, given.getBytes(StandardCharsets.UTF_8))) {
      throw new AuthenticationException("The password is wrong.");
    }
  }
}

/** Leaves out the settings of clients: they would change what is allowed, and even system properties of this JVM. */
class ReadOnlyService extends ThriftBinaryCLIService {
  ReadOnlyService(SparkSQLCLIService service) {
    super(service);
  }

  public TOpenSessionResp OpenSession(TOpenSessionReq request) throws TException {
    request.unsetConfiguration();
    return super.OpenSession(request);
  }

  public TExecuteStatementResp ExecuteStatement(TExecuteStatementReq request) throws TException {
    request.unsetConfOverlay();
    return super.ExecuteStatement(request);
  }
}
